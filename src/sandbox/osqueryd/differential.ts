import { difference } from './differ.ts';
import type { QueryState } from './query-store.ts';
import type { TypedRow } from './sql/cell.ts';

/** What a run of a query found, and what is to be kept for the next. */
export interface Run {
  readonly added: readonly TypedRow[];
  readonly removed: readonly TypedRow[];
  /** 0 for the first results of a name or an epoch, then one more for each run with changes. */
  readonly counter: number;
  /** The state to keep; undefined: nothing changed. */
  readonly state: QueryState | undefined;
  /** What osqueryd says of it in its log. */
  readonly note: 'first' | 'epoch' | 'sql' | undefined;
}

/** Results that can't be kept, such as Infinity, of which JSON knows nothing. */
export class StateError extends Error {
  override readonly name = 'StateError';
}

/**
 * One run of a differential query (osquery.md 6): the first results of a name come as added with counter 0,
 * then the counter moves with each run that changed something. Other SQL under the same name goes on from
 * the old rows; another epoch starts anew.
 *
 * @throws StateError
 */
export function differentialRun(
  previous: QueryState | undefined,
  sql: string,
  epoch: number,
  rows: readonly TypedRow[],
): Run {
  const note = noteOf(previous, sql, epoch);
  const fresh = previous === undefined || note === 'epoch';
  if (fresh) {
    return { added: rows, removed: [], counter: 0, state: { sql, epoch, counter: 0, rows }, note };
  }
  if (hasInfinity(rows) || hasInfinity(previous.rows)) throw new StateError('Error serializing JSON');
  const { added, removed } = difference(previous.rows, rows);
  if (added.length === 0 && removed.length === 0) {
    const state = note === 'sql' ? { ...previous, sql } : undefined;
    return { added, removed, counter: 1, state, note };
  }
  const counter = previous.counter + 1;
  return { added, removed, counter, state: { sql, epoch, counter, rows }, note };
}

/** One run over an event table: events are never diffed, only counted (osquery.md 6). */
export function eventRun(
  previous: QueryState | undefined,
  sql: string,
  epoch: number,
  rows: readonly TypedRow[],
): Run {
  const note = noteOf(previous, sql, epoch);
  const fresh = previous === undefined || note === 'epoch';
  const counter = fresh || rows.length === 0 ? 1 : previous.counter + 1;
  // A name that had no events yet has no counter: its first events will get 0.
  const kept = rows.length === 0 ? (previous?.counter ?? -1) : counter;
  const unchanged = rows.length === 0 && note === undefined;
  return {
    added: rows,
    removed: [],
    counter,
    state: unchanged ? undefined : { sql, epoch, counter: kept, rows: [] },
    note,
  };
}

function noteOf(previous: QueryState | undefined, sql: string, epoch: number): Run['note'] {
  if (!previous) return 'first';
  if (previous.epoch !== epoch) return 'epoch';
  return previous.sql === sql ? undefined : 'sql';
}

function hasInfinity(rows: readonly TypedRow[]): boolean {
  return rows.some((row) => row.some(([, cell]) => typeof cell === 'number' && !Number.isFinite(cell)));
}
