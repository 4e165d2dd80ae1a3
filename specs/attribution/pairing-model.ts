/**
 * The pairing of zeek/osquery/attribution/order.zeek once more, so that it is tested where there is no Zeek. Both are held to
 * the cases of zeek/tests/attribution/pairings.txt.
 */

export interface Opened {
  readonly uid: string;
  /** Seconds. */
  readonly start: number;
  /** It was established: a connect belongs to it. */
  readonly sure: boolean;
  /** The pid, where it is known otherwise. */
  readonly holder: number | undefined;
}

export interface Connect {
  readonly pid: number;
  readonly earliest: number;
  readonly latest: number;
  /** A connection belongs to it. */
  readonly sure: boolean;
}

export interface Makers {
  readonly pids: readonly number[];
  /** It can also have been something that was not told. */
  readonly others: boolean;
}

export interface Evidence {
  readonly opened: readonly Opened[];
  readonly connects: readonly Connect[];
  /** Of what happened until then all connects are known. */
  readonly toldUntil: number;
  /** Of what happened until then all connections are known. */
  readonly seenUntil: number;
}

const ORDER_TOLERANCE = 0.0001;
const CROWD_TOLERANCE = 0.02;
const CROWD_WINDOW = 0.005;
const CROWD_SIZE = 4;
const MOST_MAKERS = 200;

const UNKNOWN: Makers = { pids: [], others: true };

/** What can have made each connection. Both sequences are in their order. */
export function pair({ opened, connects, toldUntil, seenUntil }: Evidence): Makers[] {
  const result: Makers[] = opened.map(() => UNKNOWN);
  let i = 0;
  let j = 0;
  while (i < opened.length) {
    const from = i;
    let until = startOf(opened, i);
    while (j < connects.length && (connects[j]?.latest ?? 0) < until) j += 1;
    const firstConnect = j;
    for (let grows = true; grows; ) {
      grows = false;
      for (; i < opened.length && startOf(opened, i) <= until; i += 1) grows = true;
      for (; j < connects.length && (connects[j]?.earliest ?? 0) <= until; j += 1) {
        until = Math.max(until, connects[j]?.latest ?? 0);
        grows = true;
      }
    }
    const stretch = { opened, connects: connects.slice(firstConnect, j), from, to: i, toldUntil, seenUntil };
    for (const [index, makers] of pairStretch(stretch)) result[index] = makers;
  }
  return result;
}

interface Stretch {
  readonly opened: readonly Opened[];
  readonly connects: readonly Connect[];
  readonly from: number;
  readonly to: number;
  readonly toldUntil: number;
  readonly seenUntil: number;
}

function startOf(opened: readonly Opened[], index: number): number {
  return opened[index]?.start ?? 0;
}

/** Running counts of those that need no counterpart. */
function alone<T>(items: readonly T[], may: (item: T) => boolean): number[] {
  const counts = [0];
  for (const item of items) counts.push((counts.at(-1) ?? 0) + (may(item) ? 1 : 0));
  return counts;
}

function pairStretch(stretch: Stretch): [number, Makers][] {
  const { opened, from, to, toldUntil, seenUntil } = stretch;
  const taken = takeKnown(stretch);
  const indexes = Array.from({ length: to - from }, (_, n) => from + n).filter(
    (index) => opened[index]?.holder === undefined,
  );
  const connects = stretch.connects.filter((_, index) => !taken.has(index));
  const starts = indexes.map((index) => startOf(opened, index));
  const unsure = [...opened.slice(from, to), ...stretch.connects].filter(({ sure }) => !sure).length;
  for (const [connect, index] of taken)
    if (Math.abs(connect - (index - from)) > unsure + 2 * CROWD_SIZE) return [];
  const [n, m] = [indexes.length, connects.length];
  const freeOpened = alone(indexes, (index) => !opened[index]?.sure || startOf(opened, index) > toldUntil);
  const freeConnects = alone(connects, ({ sure, latest }) => !sure || latest > seenUntil);
  const at = (counts: readonly number[], index: number) => counts[index] ?? 0;
  const before = (i: number, j: number) => i <= j + at(freeOpened, i) && j <= i + at(freeConnects, j);
  const after = (i: number, j: number) =>
    n - i <= m - j + at(freeOpened, n) - at(freeOpened, i) &&
    m - j <= n - i + at(freeConnects, m) - at(freeConnects, j);
  if (n === 0 || m === 0 || !before(n, m)) return [];

  const ranges = starts.map((start, i) => {
    const may = connects
      .map((_, j) => j)
      .filter((j) => {
        const connect = connects[j];
        if (!connect || connect.earliest > start || connect.latest < start) return false;
        return before(i, j) && after(i + 1, j + 1);
      });
    const free = at(freeOpened, i + 1) > at(freeOpened, i);
    const misses =
      free && Array.from({ length: m + 1 }, (_, j) => j).some((j) => before(i, j) && after(i + 1, j));
    return { first: may[0] ?? m, last: (may.at(-1) ?? -1) + 1, misses };
  });

  return indexes.map((index, i) => {
    const slack = tolerance(opened, index);
    const near = ranges.filter(
      (_, k) => Math.abs(k - i) <= MOST_MAKERS && Math.abs((starts[k] ?? 0) - (starts[i] ?? 0)) <= slack,
    );
    const first = Math.min(...near.map((range) => range.first));
    const last = Math.max(...near.map((range) => range.last));
    const pids = [...new Set(connects.slice(first, Math.max(first, last)).map(({ pid }) => pid))];
    const others = near.some(({ misses }) => misses) || pids.length > MOST_MAKERS;
    return [index, { pids, others }];
  });
}

/**
 * Connects of connections whose pid is known: of several of one process the one that is nearest in order.
 * @returns by index of the connect the index of its connection
 */
function takeKnown({ opened, connects, from, to }: Stretch): Map<number, number> {
  const byPid = new Map<number, number[]>();
  for (const [index, { pid }] of connects.entries()) byPid.set(pid, [...(byPid.get(pid) ?? []), index]);
  const taken = new Map<number, number>();
  for (let i = from; i < to; i += 1) {
    const left = byPid.get(opened[i]?.holder ?? -1);
    if (!left || left.length === 0) continue;
    const distance = (index: number | undefined) => Math.abs((index ?? 0) - (i - from));
    let k = 0;
    while (k + 1 < left.length && distance(left[k + 1]) < distance(left[k])) k += 1;
    taken.set(left[k] ?? -1, i);
    left.splice(0, k + 1);
  }
  return taken;
}

/** Where connections crowd, processes compete for the CPU, and are audited late. */
function tolerance(opened: readonly Opened[], index: number): number {
  const start = startOf(opened, index);
  const crowd = opened.filter((_, k) => k !== index && Math.abs(startOf(opened, k) - start) <= CROWD_WINDOW);
  return crowd.length > CROWD_SIZE ? CROWD_TOLERANCE : ORDER_TOLERANCE;
}
