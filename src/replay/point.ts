import type { LogRecord } from '../event-log/record.ts';

/** A moment in a log: after a record, or after all records up to a time (milliseconds since the epoch). */
export type Point =
  | { readonly by: 'seq'; readonly seq: number }
  | { readonly by: 'time'; readonly time: number };

const SPANS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a moment: a sequence number (`4711`), a time (`2026-11-24`, `2026-11-24T04:44`, with a blank for the T if
 * you like, in UTC unless it names a zone), or a time before `now` (`-90m`, with s, m, h or d). Null if it is none.
 */
export function parsePoint(text: string, now: number): Point | null {
  if (/^\d{1,15}$/.test(text)) return { by: 'seq', seq: Number(text) };
  const [, ago, unit] = /^-(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (ago !== undefined && unit !== undefined) {
    return { by: 'time', time: now - Number(ago) * (SPANS[unit] ?? 0) };
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return null;
  const iso = text.trim().replace(' ', 'T');
  const zoned = /[Zz]$|[+-]\d{2}:?\d{2}$/.test(iso.slice(10)) || iso.length === 10 ? iso : `${iso}Z`;
  const time = Date.parse(zoned);
  return Number.isNaN(time) ? null : { by: 'time', time };
}

/** Reads `A..B`; an end that is left out is the log's. Null if it is none. */
export function parseRange(
  text: string,
  now: number,
): { readonly from: Point | null; readonly to: Point | null } | null {
  const at = text.indexOf('..');
  if (at < 0) return null;
  const [before, after] = [text.slice(0, at), text.slice(at + 2)];
  const from = before === '' ? null : parsePoint(before, now);
  const to = after === '' ? null : parsePoint(after, now);
  return (from === null && before !== '') || (to === null && after !== '') ? null : { from, to };
}

/** Whether a record comes before the record of that number, or was written before that time. */
export function isBefore(record: Pick<LogRecord, 'seq' | 'time'>, point: Point): boolean {
  return point.by === 'seq' ? record.seq < point.seq : record.time < point.time;
}

/**
 * Whether a record comes after the moment. Records stand in the order they happened; where a clock was set back,
 * the first record after the time ends what is before it.
 */
export function isAfter(record: Pick<LogRecord, 'seq' | 'time'>, point: Point): boolean {
  return point.by === 'seq' ? record.seq > point.seq : record.time > point.time;
}
