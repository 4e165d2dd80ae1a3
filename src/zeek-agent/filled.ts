import type { RowSource, Translation } from '../schedule/translation.ts';
import { isAlias, isSign, isWord, type SqlToken, sqlTokens } from '../text/sql-tokens.ts';
import { type Definition, withDefinitions } from './statement.ts';
import { type TableColumn, ZEEK_LOGGER, zeekAgentTable } from './tables.ts';

/** A row of a source, in the order of its columns; null for NULL. Numbers as text, as osquery writes them. */
export type SourceRow = readonly (string | null)[];

/** The columns of the table that a source is. */
function columnsOf({ kind }: RowSource): readonly TableColumn[] {
  return kind === 'agent-log' ? ZEEK_LOGGER.columns : (zeekAgentTable(TABLE_OF[kind])?.columns ?? []);
}

const TABLE_OF: Readonly<Record<Exclude<RowSource['kind'], 'agent-log'>, string>> = {
  lines: 'files_lines',
  fields: 'files_columns',
  'system-log': 'system_logs_events',
  agent: 'zeek_agent',
};

export function sourceColumns(source: RowSource): readonly string[] {
  return columnsOf(source).map(({ name }) => name);
}

const NUMBERS = ['count', 'int', 'interval', 'time'];

/** The statement with its sources as common table expressions that have these rows; of one without rows none. */
export function filled(
  { sql, sources }: Translation,
  rowsOf: (source: RowSource) => readonly SourceRow[] = () => [],
): string {
  return withDefinitions(
    sql,
    sources.map((source): Definition => {
      const columns = sourceColumns(source);
      return { name: source.name, columns, body: rowsBody(source, rowsOf(source)) };
    }),
  );
}

function rowsBody(source: RowSource, rows: readonly SourceRow[]): string {
  if (rows.length === 0)
    return `SELECT ${sourceColumns(source)
      .map(() => 'NULL')
      .join(', ')} WHERE 0`;
  const isNumber = columnsOf(source).map(({ type }) => NUMBERS.some((number) => number === type));
  return `VALUES ${rows
    .map((row) => `(${row.map((value, at) => literal(value, isNumber[at] ?? false)).join(', ')})`)
    .join(', ')}`;
}

function literal(value: string | null, isNumber: boolean): string {
  if (value === null) return 'NULL';
  if (isNumber) return value;
  const text = `'${value.replaceAll("'", "''")}'`;
  // A NUL would end the statement.
  return value.includes('\0') ? `CAST(x'${Buffer.from(value, 'utf8').toString('hex')}' AS TEXT)` : text;
}

/** A column of a result that is a source's column as it stands. */
export interface PlainColumn {
  /** As the result calls it. */
  readonly name: string;
  /** Of the source. */
  readonly column: string;
}

/**
 * The columns of a statement that does nothing but name some of its one source, so that nobody has to be asked to run it:
 * `SELECT *` or `SELECT a, b AS c`, without a condition. Undefined for any other.
 */
export function plainColumns({ sql, sources }: Translation): readonly PlainColumn[] | undefined {
  const [source, ...others] = sources;
  if (!source || others.length > 0) return undefined;
  const tokens = sqlTokens(sql) ?? [];
  while (isSign(tokens.at(-1), ';')) tokens.pop();
  const from = tokens.findIndex((token) => isWord(token, 'from'));
  if (!isWord(tokens[0], 'select') || from < 0) return undefined;
  const [table, ...rest] = tokens.slice(from + 1);
  const alias = isWord(rest[0], 'as') ? rest.slice(1) : rest;
  const isTable = isWord(table, source.name);
  if (!isTable || alias.length > 1 || (alias.length === 1 && !isAlias(alias[0]))) return undefined;
  const columns = sourceColumns(source);
  const list = tokens.slice(1, from);
  if (list.length === 1 && isSign(list[0], '*')) return columns.map((column) => ({ name: column, column }));
  const found = splitAtCommas(list).map((words) => plainColumn(words, columns));
  return found.every((column) => column !== undefined) ? found : undefined;
}

function splitAtCommas(tokens: readonly SqlToken[]): SqlToken[][] {
  const parts: SqlToken[][] = [[]];
  for (const token of tokens) {
    if (isSign(token, ',')) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** `a` or `a AS b`. */
function plainColumn(words: readonly SqlToken[], columns: readonly string[]): PlainColumn | undefined {
  const [column, as, name, ...others] = words;
  if (column?.kind !== 'word' || !columns.includes(column.text.toLowerCase()) || others.length > 0)
    return undefined;
  if (!as) return { name: column.text.toLowerCase(), column: column.text.toLowerCase() };
  if (!isWord(as, 'as') || name?.kind !== 'word') return undefined;
  return { name: name.text, column: column.text.toLowerCase() };
}
