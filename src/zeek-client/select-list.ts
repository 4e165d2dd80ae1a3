import { isName, isSign, isWord, type SqlToken, sqlTokens } from '../text/sql-tokens.ts';

/**
 * The names that a query gives its result's columns, as far as they stand plainly in its select list: `name`,
 * `table.name` and `expression AS name`. For hosts that don't tell the names that osquery found: what can't be told from
 * the text alone has no name here, a `*` leaves the whole list unnamed, an expression without AS itself. Names are written as the query writes them.
 *
 * @returns undefined where the statement isn't a plain SELECT or its columns can't be counted
 */
export function selectListNames(sql: string): readonly (string | undefined)[] | undefined {
  const tokens = withoutCommonTables(sqlTokens(sql) ?? []);
  if (!isWord(tokens[0], 'select')) return undefined;
  const from = isWord(tokens[1], 'distinct', 'all') ? 2 : 1;
  const items: SqlToken[][] = [[]];
  let depth = 0;
  for (const token of tokens.slice(from)) {
    if (depth === 0 && (token.text === ';' || isWord(token, ...ENDS))) break;
    if (depth === 0 && isSign(token, ',')) {
      items.push([]);
      continue;
    }
    if (isSign(token, '(')) depth += 1;
    if (isSign(token, ')')) depth -= 1;
    if (depth < 0) return undefined;
    items.at(-1)?.push(token);
  }
  if (items.some((item) => item.length === 0 || isStar(item))) return undefined;
  return items.map(nameOf);
}

/** What follows the common table expressions of `WITH …`, each of which is in parentheses. */
function withoutCommonTables(tokens: readonly SqlToken[]): readonly SqlToken[] {
  if (!isWord(tokens[0], 'with')) return tokens;
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    if (isSign(token, '(')) depth += 1;
    if (isSign(token, ')')) depth -= 1;
    if (depth === 0 && isWord(token, 'select')) return tokens.slice(index);
  }
  return [];
}

/** What ends a select list. */
const ENDS = ['from', 'where', 'group', 'having', 'window', 'union', 'intersect', 'except', 'order', 'limit'];
/** Words that stand alone for a value, which a column can't be called without quotes or which is another thing. */
const VALUES = ['null', 'true', 'false', 'current_date', 'current_time', 'current_timestamp'];

function nameOf(item: readonly SqlToken[]): string | undefined {
  const last = item.at(-1);
  if (last === undefined) return undefined;
  if (item.length > 2 && isWord(item.at(-2), 'as'))
    return isName(last) || last.kind === 'string' ? last.text : undefined;
  // A text in double quotes alone may be a column or, to SQLite, a string.
  const plain = item.length === 1 ? last.kind === 'word' && !isWord(last, ...VALUES) : isDotted(item);
  return plain && isName(last) ? last.text : undefined;
}

/** `table.name` and `schema.table.name`. */
function isDotted(item: readonly SqlToken[]): boolean {
  return (
    (item.length === 3 || item.length === 5) &&
    item.every((token, index) => (index % 2 === 0 ? isName(token) : isSign(token, '.')))
  );
}

function isStar(item: readonly SqlToken[]): boolean {
  const last = item.at(-1);
  const before = item.at(-2);
  return last?.kind === 'sign' && last.text === '*' && (item.length === 1 || before?.text === '.');
}
