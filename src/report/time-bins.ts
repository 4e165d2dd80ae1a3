/** Series of one chart that are kept; what comes after is counted as one. */
const MOST_SERIES = 11;
export const OTHERS = 'others';
/** Bins that are kept at the most. */
const MOST_BINS = 2_048;
const SMALLEST = 1_000;

/**
 * Counts in time, by series, in bounded memory whatever comes: bins become twice as wide when there are too many.
 */
export class TimeBins {
  readonly #bins = new Map<number, Map<string, number>>();
  readonly #series = new Set<string>();
  #width = SMALLEST;

  add(time: number, series: string, count = 1): void {
    const name = this.#series.has(series) || this.#series.size < MOST_SERIES ? series : OTHERS;
    this.#series.add(name);
    increase(this.#bins, Math.floor(time / this.#width), name, count);
    while (this.#bins.size > MOST_BINS) this.#widen(this.#width * 2);
  }

  /** The counts in bins of equal width, at most `most` of them, from the first that has something to the last. */
  chart(most: number): TimeChart {
    const places = [...this.#bins.keys()];
    if (places.length === 0) return { start: 0, width: this.#width, series: [] };
    const first = places.reduce((a, b) => Math.min(a, b)) * this.#width;
    const last = places.reduce((a, b) => Math.max(a, b)) * this.#width;
    const width = niceWidth((last - first) / most, this.#width);
    const start = Math.floor(first / width) * width;
    const length = Math.floor((last - start) / width) + 1;
    const series = [...this.#series]
      .sort()
      .map((name) => ({ name, counts: new Array<number>(length).fill(0) }));
    for (const [place, counts] of this.#bins) {
      const at = Math.floor((place * this.#width - start) / width);
      for (const { name, counts: all } of series) all[at] = (all[at] ?? 0) + (counts.get(name) ?? 0);
    }
    return { start, width, series };
  }

  #widen(width: number): void {
    const factor = width / this.#width;
    const old = [...this.#bins];
    this.#bins.clear();
    this.#width = width;
    for (const [place, counts] of old) {
      for (const [name, count] of counts) increase(this.#bins, Math.floor(place / factor), name, count);
    }
  }
}

export interface TimeChart {
  /** Milliseconds since the epoch. */
  readonly start: number;
  /** Milliseconds that a bin is wide. */
  readonly width: number;
  readonly series: readonly { readonly name: string; readonly counts: readonly number[] }[];
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const WIDTHS = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7, 14, 28].map((count) => count * 24 * HOUR),
];

/** A width that people count in, no less than both; what is longer than all of these is in days. */
function niceWidth(least: number, smallest: number): number {
  const needed = Math.max(least, smallest);
  return WIDTHS.find((width) => width >= needed) ?? Math.ceil(needed / (24 * HOUR)) * 24 * HOUR;
}

function increase(bins: Map<number, Map<string, number>>, place: number, name: string, count: number): void {
  const counts = bins.get(place) ?? new Map<string, number>();
  counts.set(name, (counts.get(name) ?? 0) + count);
  bins.set(place, counts);
}
