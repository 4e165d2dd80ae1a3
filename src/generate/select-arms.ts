import { isSign, isWord, type SqlToken, sqlTokens } from '../text/sql-tokens.ts';

/** One SELECT of a statement: its list of results, and where they come from. */
export interface SelectArm {
  readonly items: readonly SelectItem[];
  /** `FROM …` up to what would change which rows there are; empty where there is none. */
  readonly from: string;
}

export interface SelectItem {
  readonly tokens: readonly SqlToken[];
  /** Without the name that AS gives. */
  readonly expression: readonly SqlToken[];
  readonly isStar: boolean;
}

export interface SelectStatement {
  readonly sql: string;
  /** What stands before the first SELECT: WITH and its tables. */
  readonly prefix: string;
  readonly arms: readonly SelectArm[];
}

const END_OF_LIST = [
  'from',
  'where',
  'group',
  'having',
  'window',
  'order',
  'limit',
  'union',
  'intersect',
  'except',
];
const END_OF_FROM = END_OF_LIST.slice(1);
const BETWEEN_ARMS = ['union', 'intersect', 'except'];

/** The statement's parts; undefined where it isn't one SELECT, or several that are joined by UNION and the like. */
export function selectArms(sql: string): SelectStatement | undefined {
  const tokens = sqlTokens(sql);
  if (!tokens) return undefined;
  const top = atTopLevel(tokens);
  const first = top.find((at) => isWord(tokens[at], 'select'));
  if (first === undefined || (first > 0 && !isWord(tokens[0], 'with'))) return undefined;
  const prefix = sql.slice(0, tokens[first]?.start);
  const arms: SelectArm[] = [];
  for (const at of top) {
    if (at < first || !isWord(tokens[at], 'select')) continue;
    if (arms.length > 0 && !isJoined(tokens, at)) return undefined;
    arms.push(armAt(sql, tokens, top, at));
  }
  return { sql, prefix, arms };
}

function isJoined(tokens: readonly SqlToken[], at: number): boolean {
  return isWord(tokens[at - 1], ...BETWEEN_ARMS) || isWord(tokens[at - 1], 'all');
}

function armAt(sql: string, tokens: readonly SqlToken[], top: readonly number[], select: number): SelectArm {
  const begin = isWord(tokens[select + 1], 'distinct', 'all') ? select + 2 : select + 1;
  const after = top.filter((at) => at >= begin);
  const end = after.find((at) => isWord(tokens[at], ...END_OF_LIST)) ?? tokens.length;
  const commas = after.filter((at) => at < end && isSign(tokens[at], ','));
  const bounds = [begin - 1, ...commas, end];
  const items = bounds.slice(1).map((to, index) => itemOf(tokens.slice((bounds[index] ?? 0) + 1, to)));
  if (!isWord(tokens[end], 'from')) return { items, from: '' };
  const stop = after.find((at) => at > end && isWord(tokens[at], ...END_OF_FROM));
  const until = stop === undefined ? (tokens.at(-1)?.end ?? sql.length) : tokens[stop]?.start;
  return { items, from: sql.slice(tokens[end]?.start, until) };
}

function itemOf(tokens: readonly SqlToken[]): SelectItem {
  const last = tokens.at(-1);
  const before = tokens.at(-2);
  const isStar = isSign(last, '*') && (tokens.length === 1 || isSign(before, '.'));
  const isNamed = tokens.length > 2 && isWord(before, 'as') && last?.kind !== 'sign';
  // A name may follow without AS: two operands in a row can be nothing else.
  const isShortlyNamed =
    !isNamed &&
    tokens.length > 1 &&
    (last?.kind === 'word' || last?.kind === 'quoted') &&
    !isWord(last, 'end', 'null', 'isnull', 'notnull') &&
    (isSign(before, ')') || isOperand(before) || isWord(before, 'end', 'null'));
  const expression = isNamed ? tokens.slice(0, -2) : isShortlyNamed ? tokens.slice(0, -1) : tokens;
  return { tokens, expression, isStar };
}

const OPERATORS =
  'and or not is in like glob match regexp between escape collate case when then else select distinct exists'.split(
    ' ',
  );

function isOperand(token: SqlToken | undefined): boolean {
  if (token === undefined || token.kind === 'sign') return false;
  return !isWord(token, ...OPERATORS);
}

/** Places of the tokens that stand in no parentheses and no CASE; those that open or close are not among them. */
export function atTopLevel(tokens: readonly SqlToken[]): readonly number[] {
  const places: number[] = [];
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    if (isSign(token, ')') || isWord(token, 'end')) depth -= 1;
    else if (isSign(token, '(') || isWord(token, 'case')) depth += 1;
    else if (depth === 0) places.push(at);
  }
  return places;
}
