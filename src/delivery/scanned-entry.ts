import { isMalformed, type LogItem, type MalformedLog } from '../osquery/log-item.ts';
import { LogReader } from '../osquery/log-reader.ts';
import { reasonOf } from '../text/reason.ts';
import type { JournalEntry } from './journal-record.ts';
import type { CourierPorts, Deliverable, ExecutionHeader } from './ports.ts';

/** Bytes that are scanned at one go: about half a millisecond. */
const SLICE = 512 * 1024;

/** An entry of the journal with what the first pass over its payload has found. */
export interface ScannedEntry {
  readonly entry: JournalEntry;
  readonly results: readonly QueryResult[];
  readonly malformed: readonly MalformedLog[];
}

/** Rows of one query within an entry. */
export interface QueryResult {
  /** Name of the query. */
  readonly name: string;
  /** The number of its first row; its other rows follow. */
  readonly first: number;
  readonly item: LogItem;
  /** What it is for, where the entry itself says so. */
  readonly deliverable: Deliverable | undefined;
  readonly unixTime: number;
}

/**
 * Scans an entry in slices. All rows of a log payload are numbered one after another, lines of others too. An
 * event that satisfies several queries has one number in all of them.
 */
export async function scanEntry(
  entry: JournalEntry,
  ports: Pick<CourierPorts, 'yieldControl' | 'matchEvent'>,
): Promise<ScannedEntry> {
  const reader = new LogReader(entry.payload, entry.kind === 'log' ? 'lines' : 'rows');
  while (!reader.advance(SLICE)) await ports.yieldControl();
  const malformed = reader.items.filter(isMalformed);
  const items = reader.items.filter((item): item is LogItem => !isMalformed(item));
  switch (entry.kind) {
    case 'log':
      return { entry, malformed, results: linesOf(entry, items) };
    case 'execution':
      return { entry, malformed, results: answerOf(entry, items) };
    case 'event':
      try {
        return { entry, malformed, results: matchesOf(entry, items, ports) };
      } catch (error) {
        // One event less, for the schedule brings it, and not one that every Bro would stumble over again and again.
        const problem = `can't match an event against the subscriptions: ${reasonOf(error)}`;
        return { entry, malformed: [...malformed, { problem, offset: 0 }], results: [] };
      }
  }
}

function linesOf(entry: JournalEntry, items: readonly LogItem[]): QueryResult[] {
  let first = entry.sequence;
  return items.map((item) => {
    const result = { name: item.name, first, item, deliverable: undefined, unixTime: item.unixTime };
    first += item.rowCount;
    return result;
  });
}

function answerOf(entry: JournalEntry, items: readonly LogItem[]): QueryResult[] {
  const deliverable = entry.header as ExecutionHeader;
  const { name, unixTime } = deliverable;
  return items.map((item) => ({ name, first: entry.sequence, item, deliverable, unixTime }));
}

function matchesOf(
  entry: JournalEntry,
  items: readonly LogItem[],
  ports: Pick<CourierPorts, 'matchEvent'>,
): QueryResult[] {
  const row = items[0] && items[0].rowCount > 0 ? items[0].row(0) : undefined;
  if (!row || isMalformed(row)) return [];
  const reported = Number(row.columns['time']);
  const unixTime = reported > 0 ? reported : Math.floor(entry.receivedAt / 1000);
  return (ports.matchEvent?.(row.columns) ?? []).map(({ name, columns }) => ({
    name,
    first: entry.sequence,
    item: singleRow(name, unixTime, columns, entry.payload.length),
    deliverable: undefined,
    unixTime,
  }));
}

function singleRow(
  name: string,
  unixTime: number,
  columns: Readonly<Record<string, string>>,
  bytes: number,
): LogItem {
  return {
    name,
    epoch: 0,
    counter: 1,
    unixTime,
    rowCount: 1,
    row: () => ({ change: 'ADDED', columns }),
    changeOf: () => 'ADDED',
    rowBytes: () => bytes,
  };
}
