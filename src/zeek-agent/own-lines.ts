import type { Row } from '../osquery/row.ts';

/** Results of queries that this process runs itself, in the form in which osquery logs those of its own. */

export interface OwnRun {
  readonly name: string;
  readonly hostIdentifier: string;
  /** Seconds since the epoch. */
  readonly unixTime: number;
  readonly counter: number;
}

export interface Changes {
  readonly removed: readonly Row[];
  readonly added: readonly Row[];
}

/** All rows of a run. Bytes that are no UTF-8 survive as JSON's escapes of lone surrogates. */
export function snapshotLine(run: OwnRun, rows: readonly Row[]): string {
  return JSON.stringify({ snapshot: rows, action: 'snapshot', ...head(run) });
}

/** What has changed since the run before. */
export function differenceLine(run: OwnRun, { removed, added }: Changes): string {
  return JSON.stringify({ diffResults: { removed, added }, escaped: false, ...head(run) });
}

function head({ name, hostIdentifier, unixTime, counter }: OwnRun) {
  const calendarTime = new Date(unixTime * 1_000)
    .toUTCString()
    .replace(/^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/, '$1 $3 $2 $5 $4 UTC');
  return { name, hostIdentifier, calendarTime, unixTime, epoch: 0, counter, numerics: false };
}

/** Rows as often as the other list has fewer of them; the order of a result means nothing. */
export function changesBetween(before: readonly Row[], now: readonly Row[]): Changes {
  const left = new Map<string, number>();
  for (const row of before) left.set(keyOf(row), (left.get(keyOf(row)) ?? 0) + 1);
  const added = now.filter((row) => {
    const count = left.get(keyOf(row)) ?? 0;
    if (count > 0) left.set(keyOf(row), count - 1);
    return count === 0;
  });
  const removed = before.filter((row) => {
    const count = left.get(keyOf(row)) ?? 0;
    if (count > 0) left.set(keyOf(row), count - 1);
    return count > 0;
  });
  return { removed, added };
}

function keyOf(row: Row): string {
  return JSON.stringify(Object.entries(row).sort(([one], [other]) => (one < other ? -1 : 1)));
}
