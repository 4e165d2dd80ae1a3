import { decodeText } from '../text/byte-text.ts';
import { reasonOf } from '../text/reason.ts';
import { cellText } from './cell-text.ts';
import type { RowSpans } from './row-spans.ts';
import { undoTextEscapes } from './text-escapes.ts';

/**
 * A line of osquery's result log, its rows still unparsed. Four forms of it exist (recorded from 5.23.1): event
 * format (one row in `columns`), batch format (`diffResults`), snapshot, and snapshot row by row (as the event
 * format, with the action `snapshot`).
 */
export interface LogItem {
  /** The schedule entry's name; empty for rows that came without a line around them. */
  readonly name: string;
  readonly epoch: number;
  /** 0 for the first run of a differential query, and for all snapshots. */
  readonly counter: number;
  /** Seconds since the epoch. */
  readonly unixTime: number;
  readonly rowCount: number;
  /**
   * Parses one row. Removed rows come before added ones, so that a changed row ends as what it is now.
   * @param index 0 to `rowCount - 1`
   */
  row(index: number): LogRow | MalformedLog;
  /** What {@link row} says of the change, without parsing. */
  changeOf(index: number): LogRow['change'];
  /** Length of the row's JSON. */
  rowBytes(index: number): number;
  /** The rows' JSON, for who reads it without parsing; absent where there is none. */
  readonly json?: RowsJson;
}

/** Where rows stand as JSON. */
export interface RowsJson {
  readonly bytes: Buffer;
  /** Whether the values of rows that are no snapshot's may have osquery's escapes, to be undone. */
  readonly escapes: boolean;
  /** A longer row is not to be read. */
  readonly maxRowBytes: number;
  /** Of the row with that index. */
  start(index: number): number;
  end(index: number): number;
}

/** A row as osquery reported it. */
export interface LogRow {
  readonly change: 'ADDED' | 'REMOVED' | 'SNAPSHOT';
  /** Each value as osquery's text, whether it came as text or as a number; whole numbers digit by digit as they came. */
  readonly columns: Readonly<Record<string, string>>;
}

/** What in a payload is no line of a result log, or no row. */
export interface MalformedLog {
  readonly problem: string;
  /** In bytes from the payload's start. */
  readonly offset: number;
  /** Of a line that ends in the middle of its first row: the names of the columns up to there. */
  readonly columns?: readonly string[];
}

export function isMalformed(value: LogItem | LogRow | MalformedLog): value is MalformedLog {
  return 'problem' in value;
}

/** What the first pass over the bytes has learnt of a line. */
export interface ScannedLine {
  readonly bytes: Buffer;
  readonly name: string;
  readonly epoch: number;
  readonly counter: number;
  readonly unixTime: number;
  /** Of the rows in `rows`. */
  readonly change: LogRow['change'];
  readonly removed: RowSpans | undefined;
  readonly rows: RowSpans;
  /** Whether any value is no string. */
  readonly bare: boolean;
  readonly escapes: boolean;
  readonly nonAscii: boolean;
  /** The longest row that is parsed, in bytes. */
  readonly maxRowBytes: number;
}

export function logItem(line: ScannedLine): LogItem {
  const removedCount = line.removed?.length ?? 0;
  const json: RowsJson = {
    bytes: line.bytes,
    escapes: line.escapes,
    maxRowBytes: line.maxRowBytes,
    start: (index) =>
      line.removed && index < removedCount
        ? line.removed.start(index)
        : line.rows.start(index - removedCount),
    end: (index) =>
      line.removed && index < removedCount ? line.removed.end(index) : line.rows.end(index - removedCount),
  };
  return {
    name: line.name,
    epoch: line.epoch,
    counter: line.counter,
    unixTime: line.unixTime,
    rowCount: removedCount + line.rows.length,
    row(index) {
      if (line.removed && index < removedCount) return parseRow(line, line.removed, index, 'REMOVED');
      return parseRow(line, line.rows, index - removedCount, line.change);
    },
    changeOf(index) {
      return index < removedCount ? 'REMOVED' : line.change;
    },
    rowBytes: (index) => json.end(index) - json.start(index),
    json,
  };
}

function parseRow(
  line: ScannedLine,
  spans: RowSpans,
  index: number,
  change: LogRow['change'],
): LogRow | MalformedLog {
  const offset = spans.start(index);
  const end = spans.end(index);
  const length = end - offset;
  if (length > line.maxRowBytes) {
    return { problem: `a row of ${length} bytes, more than the ${line.maxRowBytes} allowed`, offset };
  }
  const text = line.nonAscii
    ? decodeText(line.bytes.subarray(offset, end))
    : line.bytes.toString('latin1', offset, end);
  try {
    const columns: Record<string, string> = line.bare ? exactColumns(text) : JSON.parse(text);
    if (line.escapes && change !== 'SNAPSHOT') undoEscapes(columns);
    return { change, columns };
  } catch (error) {
    return { problem: `malformed row: ${reasonOf(error)}`, offset };
  }
}

function undoEscapes(columns: Record<string, string>): void {
  for (const [name, value] of Object.entries(columns)) {
    if (value.includes('\\x')) Object.defineProperty(columns, name, { value: undoTextEscapes(value) });
  }
}

/** JSON's reviver with the value's source text, which TypeScript's library doesn't know yet. */
type SourceReviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

const keepDigits: SourceReviver = (_key, value, context) => {
  if (typeof value === 'number') return numberText(context.source ?? String(value));
  if (typeof value === 'boolean') return value ? '1' : '0';
  return value ?? '';
};

/**
 * With --logger_numerics osquery writes doubles with 17 digits, elsewhere with 15: the same value is to come the same way
 * however it was asked for.
 */
function numberText(source: string): string {
  return /[.eE]/.test(source) ? cellText(Number(source)) : source;
}

/** Columns of which some are no strings: numbers keep their digits, which `JSON.parse` alone would round. */
function exactColumns(text: string): Record<string, string> {
  return JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown);
}
