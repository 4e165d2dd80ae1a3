import { asciiTime } from '../clock.ts';
import { type Cell, cellText, type TypedRow } from '../sql/cell.ts';

/** What every line of one query run has in common. */
export interface LineHead {
  readonly name: string;
  readonly hostIdentifier: string;
  readonly unixTime: number;
  readonly epoch: number;
  readonly counter: number;
  readonly decorations: readonly (readonly [string, string])[];
}

export interface LineFormat {
  /** --logger_numerics: numbers as JSON numbers. */
  readonly numerics: boolean;
  /** --decorations_top_level. */
  readonly decorationsTopLevel: boolean;
}

export interface Changes {
  readonly removed: readonly TypedRow[];
  readonly added: readonly TypedRow[];
}

/** One line a row, removed rows first (--logger_event_type=true; osquery.md 5). */
export function eventLines(head: LineHead, changes: Changes, format: LineFormat): string[] {
  const line = (row: TypedRow, action: string) =>
    `{${headMembers(head, format)},"columns":${rowJson(row, format.numerics)},"action":"${action}"}`;
  return [
    ...changes.removed.map((row) => line(row, 'removed')),
    ...changes.added.map((row) => line(row, 'added')),
  ];
}

/**
 * One line a run (--logger_event_type=false). Infinity, which JSON doesn't have, cuts the line off where it
 * stands, as the real one does with numerics (osquery.md 5).
 */
export function batchLine(head: LineHead, changes: Changes, format: LineFormat): string {
  const line = `{"diffResults":{"removed":${rowsJson(changes.removed, format)},"added":${rowsJson(changes.added, format)}},${headMembers(head, format)}}`;
  return upToInfinity(line);
}

/** One line a run of a snapshot query. */
export function snapshotLine(head: LineHead, rows: readonly TypedRow[], format: LineFormat): string {
  return upToInfinity(
    `{"snapshot":${rowsJson(rows, format)},"action":"snapshot",${headMembers(head, format)}}`,
  );
}

/** One line a row of a snapshot query (--logger_snapshot_event_type=true). */
export function snapshotEventLines(head: LineHead, rows: readonly TypedRow[], format: LineFormat): string[] {
  return rows.map(
    (row) => `{${headMembers(head, format)},"columns":${rowJson(row, format.numerics)},"action":"snapshot"}`,
  );
}

/** JSON text as osqueryd's writer escapes it: what must be, and nothing else. */
export function jsonText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
  return `"${text.replace(/["\\\u0000-\u001f]/g, escapeChar)}"`;
}

/** The row as a JSON object, columns sorted by name. */
export function rowJson(row: TypedRow, numerics: boolean): string {
  return `{${row.map(([name, cell]) => `${jsonText(name)}:${cellJson(cell, numerics)}`).join(',')}}`;
}

function headMembers(head: LineHead, format: LineFormat): string {
  const decorations = head.decorations.map(([key, value]) => `${jsonText(key)}:${jsonText(value)}`).join(',');
  const decorated =
    decorations === ''
      ? ''
      : format.decorationsTopLevel
        ? `,${decorations}`
        : `,"decorations":{${decorations}}`;
  return [
    `"name":${jsonText(head.name)}`,
    `"hostIdentifier":${jsonText(head.hostIdentifier)}`,
    `"calendarTime":"${asciiTime(head.unixTime)}"`,
    `"unixTime":${head.unixTime}`,
    `"epoch":${head.epoch}`,
    `"counter":${head.counter}`,
    `"numerics":${format.numerics}${decorated}`,
  ].join(',');
}

function rowsJson(rows: readonly TypedRow[], format: LineFormat): string {
  return `[${rows.map((row) => rowJson(row, format.numerics)).join(',')}]`;
}

const INFINITY_MARK = '\u0000infinity';

function cellJson(cell: Cell, numerics: boolean): string {
  if (!numerics || typeof cell === 'string') return jsonText(cellText(cell));
  if (typeof cell === 'bigint') return String(cell);
  if (!Number.isFinite(cell)) return INFINITY_MARK;
  return Number.isInteger(cell) && Math.abs(cell) < 1e21 ? `${cell}.0` : String(cell);
}

function upToInfinity(line: string): string {
  const at = line.indexOf(INFINITY_MARK);
  return at < 0 ? line : line.slice(0, at);
}

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function escapeChar(char: string): string {
  return SHORT[char] ?? `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}
