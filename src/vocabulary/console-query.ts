import { count, enumValue, string, vector } from '../broker/data.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import type { Column, ColumnType, Host, Notice, Query, ResultRow } from './model.ts';
import { rowEvent } from './row-events.ts';
import type { RowEncoder } from './vocabulary.ts';

/**
 * Queries of somebody at a console (`osquery/console` of our own Zeek package). Nobody has declared an event with their
 * columns, so a row travels as one text, a JSON object; and the host says what became of the query, so that whoever asked
 * knows when all has come.
 */

/** Name of the event that takes the rows: `(info: osquery::ResultInfo, row: string)`. */
export const CONSOLE_ROW = 'osquery::console::row';

/**
 * `(host_id: string, cookie: string, outcome: string, rows: count, text: string)`: what became of the query with that
 * cookie. `outcome`: `done` (it was run and has that many rows), `failed` (it was refused, or osquery could not run it),
 * `note` (a warning; it goes on).
 */
export const CONSOLE_ANSWERED = 'osquery::console::answered_v1';

export function isConsoleQuery({ vocabulary, event }: Pick<Query, 'vocabulary' | 'event'>): boolean {
  return vocabulary === 'zeek-osquery' && event === CONSOLE_ROW;
}

/** What a notice about such a query is for its console. */
export function consoleAnswer({ level, text, query, rows }: Notice, host: Host): ZeekEvent {
  const outcome = rows !== undefined ? 'done' : level === 'error' ? 'failed' : 'note';
  return {
    name: CONSOLE_ANSWERED,
    args: [string(host.id), string(query?.cookie ?? ''), string(outcome), count(rows ?? 0), string(text)],
  };
}

/** The rows, whatever is in them: nothing is held back because it doesn't fit its column's type. */
export function consoleRowEncoder(query: Query, columns: readonly Column[], host: Host): RowEncoder {
  const info = (utype: string) =>
    vector([string(host.id), enumValue(`osquery::${utype}`), string(query.cookie)]);
  const infos = { ADDED: info('ADD'), REMOVED: info('REMOVE'), SNAPSHOT: info('SNAPSHOT') };
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const order = columns.map(({ name }) => name);
  return (row) => ({
    topic: query.responseTopic,
    event: rowEvent(CONSOLE_ROW, [infos[row.change], string(rowJson(row, order, types))], row),
  });
}

/** The columns in the query's order, then those that it was not known to have. */
function rowJson(
  { columns }: ResultRow,
  order: readonly string[],
  types: ReadonlyMap<string, ColumnType>,
): string {
  const known = order.filter((name) => Object.hasOwn(columns, name));
  const others = Object.keys(columns).filter((name) => !types.has(name));
  const members = [...known, ...others].map(
    (name) => `${JSON.stringify(name)}:${valueJson(columns[name] ?? '', types.get(name) ?? 'UNKNOWN')}`,
  );
  return `{${members.join(',')}}`;
}

const NUMERIC: ReadonlySet<ColumnType> = new Set(['INTEGER', 'BIGINT', 'UNSIGNED BIGINT', 'DOUBLE']);
/** A number as JSON writes it. */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** A numeric column's value is a number if it is one, null if it is empty (osquery's NULL), else text. */
function valueJson(text: string, type: ColumnType): string {
  if (!NUMERIC.has(type)) return JSON.stringify(text);
  if (text === '') return 'null';
  return NUMBER.test(text) ? text : JSON.stringify(text);
}
