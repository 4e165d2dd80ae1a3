import { type History, lastUpTo } from './history.ts';

/** How rows went at a time: a second's rates, and how many waited. */
export interface RowPoint {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Rows a second since the point before. */
  readonly taken: number;
  readonly confirmed: number;
  /** Rows in the journal that were not confirmed. */
  readonly waiting: number;
}

/** How long log calls of osquery took, in milliseconds: on average since the point before, and the longest. */
export interface CallPoint {
  readonly at: number;
  readonly mean: number;
  readonly longest: number;
}

/** Milliseconds before the moment that are told, and points at the most. */
export const WINDOW = 10 * 60_000;
const MOST_POINTS = 150;

/** A count as it stood; `taken` null where it was not told. */
interface Standing {
  readonly at: number;
  readonly taken: number | null;
  readonly confirmed: number;
  readonly waiting: number;
}

/** Rows of a Zeek in the last minutes before a moment; empty where nothing tells of them. */
export function rowSeries(history: History, peer: string, moment: number): readonly RowPoint[] {
  const counts = history.rows.length > 0;
  const indices = counts ? history.rows : history.news('courier.progress', peer);
  const standings = sampled(history, indices, moment).flatMap((index) => {
    const standing = counts ? countedAt(history, index, peer) : progressAt(history, index);
    return standing ? [standing] : [];
  });
  return pairs(standings).map(([before, now]) => ({
    at: now.at,
    taken: rate((now.taken ?? 0) - (before.taken ?? 0), now.at - before.at),
    confirmed: rate(now.confirmed - before.confirmed, now.at - before.at),
    waiting: now.waiting,
  }));
}

function countedAt(history: History, index: number, peer: string): Standing | null {
  const entry = history.at(index);
  if (entry?.kind !== 'rows') return null;
  const total = { at: entry.at, taken: 0, confirmed: 0, waiting: 0 };
  for (const { peer: of, taken, confirmed, pending } of entry.counts) {
    if (of !== peer) continue;
    total.taken += taken;
    total.confirmed += confirmed;
    total.waiting += pending;
  }
  return total;
}

function progressAt(history: History, index: number): Standing | null {
  const entry = history.at(index);
  if (entry?.kind !== 'message') return null;
  const { taken, confirmed = 0, pending = 0 } = entry.numbers;
  return { at: entry.at, taken: taken ?? null, confirmed, waiting: pending };
}

/** The extension's log calls in the last minutes before a moment. */
export function callSeries(history: History, moment: number): readonly CallPoint[] {
  const indices = sampled(history, history.news('logger.progress', ''), moment);
  const points = indices.flatMap((index) => {
    const entry = history.at(index);
    const { milliseconds, longest, calls } = entry?.kind === 'message' ? entry.numbers : {};
    if (!entry || milliseconds === undefined || longest === undefined || calls === undefined) return [];
    return [{ at: entry.at, milliseconds, longest, calls }];
  });
  return pairs(points).flatMap(([before, now]) => {
    const calls = now.calls - before.calls;
    if (calls <= 0) return [];
    return [{ at: now.at, mean: (now.milliseconds - before.milliseconds) / calls, longest: now.longest }];
  });
}

/** Of the indices up to the moment those of the last minutes; where they are too many, some of them, evenly. */
function sampled(history: History, indices: readonly number[], moment: number): readonly number[] {
  const end = lastUpTo(indices, moment) + 1;
  const until = history.at(moment)?.at ?? 0;
  let start = end;
  while (start > 0 && (history.at(indices[start - 1] ?? 0)?.at ?? 0) >= until - WINDOW) start -= 1;
  const step = Math.max(1, Math.ceil((end - start) / MOST_POINTS));
  const chosen: number[] = [];
  for (let place = end - 1; place >= start; place -= step) chosen.unshift(indices[place] ?? 0);
  return chosen;
}

function pairs<Item>(items: readonly Item[]): readonly (readonly [Item, Item])[] {
  return items.slice(1).flatMap((item, index) => {
    const before = items[index];
    return before === undefined ? [] : [[before, item] as const];
  });
}

/** A second; counts begin anew with the process. */
function rate(rows: number, milliseconds: number): number {
  return milliseconds <= 0 || rows <= 0 ? 0 : (rows / milliseconds) * 1_000;
}
