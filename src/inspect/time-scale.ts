import type { History } from './history.ts';
import { lastUpTo } from './history.ts';

/** A stretch in which nothing happened for exceptionally long; the scale shortens it. */
export interface TimeGap {
  /** The moment after it. */
  readonly moment: number;
  /** Milliseconds that it lasted. */
  readonly length: number;
}

/** Of a hundred intervals between events so many are not exceptional, and how many times as long a gap is, at the least. */
const USUAL = 0.95;
const TIMES = 10;
/** Milliseconds that are no gap however dense the rest is. */
const NO_GAP = 5_000;

/**
 * Where moments are along a line of real time. Exceptionally long intervals are shortened, since a quiet night would
 * press an incident into a pixel; they are told as gaps.
 */
export class TimeScale {
  /** Milliseconds of the line, the shortened gaps among them. */
  readonly length: number;
  readonly gaps: readonly TimeGap[];
  readonly #history: History;
  /** Milliseconds from the line's beginning, of each moment. */
  readonly #places: readonly number[];

  constructor(history: History) {
    this.#history = history;
    const intervals: number[] = [];
    for (let moment = 1; moment < history.length; moment += 1) {
      // Clocks may be set back.
      intervals.push(Math.max(0, this.#at(moment) - this.#at(moment - 1)));
    }
    const longest = longestShown(intervals);
    const places = [0];
    const gaps: TimeGap[] = [];
    let place = 0;
    for (const [index, length] of intervals.entries()) {
      place += Math.min(length, longest);
      places.push(place);
      if (length > longest) gaps.push({ moment: index + 1, length });
    }
    this.#places = places;
    this.gaps = gaps;
    this.length = place;
  }

  #at(moment: number): number {
    return this.#history.at(moment)?.at ?? 0;
  }

  /** Milliseconds from the line's beginning. */
  placeOf(moment: number): number {
    return this.#places[Math.min(this.#places.length - 1, Math.max(0, moment))] ?? 0;
  }

  /** The moment at a place: the last that is not behind it. */
  momentAt(place: number): number {
    return Math.max(0, lastUpTo(this.#places, place));
  }

  /** What the clock showed at a place, milliseconds since the epoch; in a gap as if it had run fast. */
  timeAt(place: number): number {
    const moment = this.momentAt(place);
    const [from, to] = [this.placeOf(moment), this.placeOf(moment + 1)];
    const [start, end] = [this.#at(moment), this.#history.at(moment + 1)?.at ?? this.#at(moment)];
    return to <= from ? start : start + ((place - from) / (to - from)) * (end - start);
  }
}

/** Longer intervals are gaps. */
function longestShown(intervals: readonly number[]): number {
  const inOrder = Float64Array.from(intervals).sort();
  const usual = inOrder[Math.floor((inOrder.length - 1) * USUAL)] ?? 0;
  return Math.max(NO_GAP, usual * TIMES);
}
