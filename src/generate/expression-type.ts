import { isName, isSign, isWord, type SqlToken } from '../text/sql-tokens.ts';
import { atTopLevel } from './select-arms.ts';

/** What a CAST can say of an expression. NULL fits all. */
export type ValueType = 'TEXT' | 'BIGINT' | 'DOUBLE' | 'NULL';

/** Asks for types that the expression itself doesn't tell. */
export interface TypeSource {
  /** Of a column, as it is written. */
  column(text: string): Promise<ValueType | undefined>;
  /** Of the one column of a query in parentheses. */
  query(sql: string): Promise<ValueType | undefined>;
}

const words = (text: string) => new Set(text.split(/\s+/));

/** Functions whose result is of one type whatever they are given: SQLite's, and those that osquery adds. */
const TEXT_FUNCTIONS = words(
  `upper lower trim ltrim rtrim substr substring replace hex char quote printf format typeof group_concat string_agg
  concat concat_ws date time datetime strftime timediff split regex_split regex_match md5 sha1 sha256 to_base64
  from_base64 conditional_to_base64 community_id_v1 community_id_v1_strict parent_directory find_file_path_in_cmd json
  json_array json_object json_group_array json_group_object json_type json_quote sqlite_version`,
);
const BIGINT_FUNCTIONS = words(
  `count length octet_length instr unicode sign unixepoch row_number rank dense_rank ntile random version_compare
  in_cidr_block inet_aton is_path_deterministic json_array_length json_valid glob like`,
);
const DOUBLE_FUNCTIONS = words(
  `avg total round sqrt log ln log10 log2 exp pow power sin cos tan cot asin acos atan atan2 degrees radians pi julianday
  percent_rank cume_dist`,
);
/** Functions that return one of their arguments; the number says where those begin. */
const PICKING: ReadonlyMap<string, number> = new Map([
  ...['max', 'min', 'coalesce', 'ifnull', 'abs', 'sum', 'unlikely', 'likely'].map(
    (name) => [name, 0] as const,
  ),
  ['iif', 1],
  ['if', 1],
]);
/** Those that return their first argument, or NULL, or (`lag`) a default. */
const FIRST = words('nullif first_value last_value nth_value lag lead likelihood ceil floor ceiling trunc');

const YES_OR_NO = 'and or not is in like glob match regexp between exists isnull notnull'.split(' ');

/** The type that an expression's values have; undefined where that can't be told from the text. */
export async function expressionType(
  sql: string,
  given: readonly SqlToken[],
  source: TypeSource,
): Promise<ValueType | undefined> {
  const tokens = withoutParentheses(given);
  const [first] = tokens;
  if (first === undefined) return undefined;
  const type = (part: readonly SqlToken[]) => expressionType(sql, part, source);
  if (isWord(first, 'select', 'with', 'values')) return source.query(textOf(sql, tokens));

  const top = atTopLevel(tokens);
  const signs = (...wanted: string[]) => top.filter((at) => wanted.some((sign) => isSign(tokens[at], sign)));
  const isConcatenation = (at: number) => isSign(tokens[at + 1], '|') || isSign(tokens[at - 1], '|');
  if (top.some((at) => isWord(tokens[at], ...YES_OR_NO))) return 'BIGINT';
  if (signs('=', '<', '&', '~', '!').length > 0) return 'BIGINT';
  if (signs('>').some((at) => !isSign(tokens[at - 1], '-') && !isArrow(tokens, at))) return 'BIGINT';
  if (signs('|').some((at) => !isConcatenation(at))) return 'BIGINT';

  const arithmetic = signs('+', '-', '*', '/', '%').filter((at) => !isSign(tokens[at + 1], '>'));
  if (arithmetic.length > 0) {
    const bounds = [-1, ...arithmetic, tokens.length];
    const operands = bounds.slice(1).map((to, index) => tokens.slice((bounds[index] ?? 0) + 1, to));
    return ofNumbers(await Promise.all(operands.filter((part) => part.length > 0).map(type)));
  }
  if (signs('|').length > 0) return 'TEXT';
  const collate = top.find((at) => isWord(tokens[at], 'collate'));
  if (collate !== undefined) return type(tokens.slice(0, collate));
  if (tokens.length === 1) return ofOne(first, source);
  if (isWord(first, 'case')) return ofCase(tokens, type);
  if (isWord(first, 'cast')) return ofCast(tokens);
  if (first.kind === 'word' && isSign(tokens[1], '(')) return ofCall(tokens, type);
  const isColumn = tokens.every((token, at) => (at % 2 === 0 ? isName(token) : isSign(token, '.')));
  return isColumn ? source.column(textOf(sql, tokens)) : undefined;
}

/** The type that has room for all: numbers with and without fractions are DOUBLE, text swallows everything. */
export function commonType(types: readonly (ValueType | undefined)[]): ValueType | undefined {
  const given = types.filter((type) => type !== 'NULL');
  if (given.length === 0) return types.length === 0 ? undefined : 'NULL';
  if (given.includes(undefined)) return undefined;
  if (given.includes('TEXT')) return 'TEXT';
  return given.includes('DOUBLE') ? 'DOUBLE' : 'BIGINT';
}

/** Text in a sum becomes whatever number it looks like: nobody knows which. */
function ofNumbers(types: readonly (ValueType | undefined)[]): ValueType | undefined {
  return types.includes('TEXT') ? undefined : commonType(types);
}

function isArrow(tokens: readonly SqlToken[], at: number): boolean {
  return isSign(tokens[at - 1], '>') && isSign(tokens[at - 2], '-');
}

async function ofOne(token: SqlToken, source: TypeSource): Promise<ValueType | undefined> {
  if (token.kind === 'string') return 'TEXT';
  if (token.kind === 'number') return /^(\d+|0x[\da-f]+)$/i.test(token.text) ? 'BIGINT' : 'DOUBLE';
  if (isWord(token, 'null')) return 'NULL';
  if (isWord(token, 'true', 'false')) return 'BIGINT';
  if (isWord(token, 'current_date', 'current_time', 'current_timestamp')) return 'TEXT';
  return source.column(token.kind === 'quoted' ? `"${token.text.replaceAll('"', '""')}"` : token.text);
}

type TypeOf = (part: readonly SqlToken[]) => Promise<ValueType | undefined>;

async function ofCase(tokens: readonly SqlToken[], type: TypeOf): Promise<ValueType | undefined> {
  const inner = tokens.slice(1, -1);
  const top = atTopLevel(inner).filter((at) => isWord(inner[at], 'when', 'then', 'else'));
  const results = top.flatMap((at, index) =>
    isWord(inner[at], 'when') ? [] : [inner.slice(at + 1, top[index + 1] ?? inner.length)],
  );
  return commonType(await Promise.all(results.map(type)));
}

function ofCast(tokens: readonly SqlToken[]): ValueType | undefined {
  const as = tokens.findLastIndex((token) => isWord(token, 'as'));
  const name = tokens
    .slice(as + 1, -1)
    .map((token) => token.text.toUpperCase())
    .join(' ');
  // SQLite goes by these letters, in this order (its manual, "Determination Of Column Affinity").
  if (/INT/.test(name)) return 'BIGINT';
  if (/CHAR|CLOB|TEXT|BLOB/.test(name)) return 'TEXT';
  return /REAL|FLOA|DOUB/.test(name) ? 'DOUBLE' : undefined;
}

async function ofCall(tokens: readonly SqlToken[], type: TypeOf): Promise<ValueType | undefined> {
  const name = tokens[0]?.text.toLowerCase() ?? '';
  const args = argumentsOf(tokens.slice(2));
  // Two arguments of max and min are compared, one is gathered: the result is one of them in both cases.
  const picked = PICKING.get(name);
  if (picked !== undefined) return commonType(await Promise.all(args.slice(picked).map(type)));
  if (FIRST.has(name)) return type(args[0] ?? []);
  if (TEXT_FUNCTIONS.has(name)) return 'TEXT';
  if (BIGINT_FUNCTIONS.has(name)) return 'BIGINT';
  return DOUBLE_FUNCTIONS.has(name) ? 'DOUBLE' : undefined;
}

/** What stands between the commas, up to the parenthesis that closes; DISTINCT is no part of it. */
function argumentsOf(tokens: readonly SqlToken[]): readonly (readonly SqlToken[])[] {
  const args: SqlToken[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (isSign(token, ')') && depth === 0) break;
    if (isSign(token, '(')) depth += 1;
    if (isSign(token, ')')) depth -= 1;
    if (depth === 0 && isSign(token, ',')) args.push([]);
    else if (!isWord(token, 'distinct')) args.at(-1)?.push(token);
  }
  return args.filter((arg) => arg.length > 0);
}

function withoutParentheses(tokens: readonly SqlToken[]): readonly SqlToken[] {
  if (!isSign(tokens[0], '(') || !isSign(tokens.at(-1), ')')) return tokens;
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    if (isSign(token, '(')) depth += 1;
    if (isSign(token, ')')) depth -= 1;
    if (depth === 0 && at < tokens.length - 1) return tokens;
  }
  return withoutParentheses(tokens.slice(1, -1));
}

function textOf(sql: string, tokens: readonly SqlToken[]): string {
  return sql.slice(tokens[0]?.start, tokens.at(-1)?.end);
}
