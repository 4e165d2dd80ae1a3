import type { Entry } from '../entries.ts';
import type { History } from '../history.ts';
import { TimeScale } from '../time-scale.ts';

/** Milliseconds for which the scale of a long history serves although more has happened: making one takes its time. */
const SERVES = 400;
const LONG = 5_000;

/** The scale of a history that grows. */
export class ScaleOfHistory {
  #scale: TimeScale | null = null;
  #madeAt = 0;
  #length = 0;
  #first: Entry | undefined;

  /** @param now our clock, milliseconds */
  of(history: History, now: number): TimeScale {
    const isOther = this.#first !== history.at(0);
    const isDue = isOther || history.length < LONG || now - this.#madeAt >= SERVES;
    if (!this.#scale || (isDue && this.isStale(history))) {
      this.#scale = new TimeScale(history);
      this.#madeAt = now;
      this.#length = history.length;
      this.#first = history.at(0);
    }
    return this.#scale;
  }

  /** Whether more has happened than the scale knows. */
  isStale(history: History): boolean {
    return this.#length !== history.length || this.#first !== history.at(0);
  }
}
