import type { Gap } from '../vocabulary/model.ts';
import { joinGaps } from './cursors.ts';

/** Rows that a Bro will never get and may not know of yet: those being reported, and those added meanwhile. */
export class UnreportedGap {
  #waiting: Gap | undefined;
  #reporting: Gap | undefined;

  constructor(gap: Gap | undefined) {
    this.#waiting = gap;
  }

  /** All of it, as it has to be remembered. */
  get whole(): Gap | undefined {
    return this.#reporting && this.#waiting
      ? joinGaps(this.#reporting, this.#waiting)
      : (this.#reporting ?? this.#waiting);
  }

  add(gap: Gap): void {
    this.#waiting = joinGaps(this.#waiting, gap);
  }

  /** What is to be reported now, if anything; it counts as unreported until {@link reported}. */
  take(): Gap | undefined {
    this.putBack();
    this.#reporting = this.#waiting;
    this.#waiting = undefined;
    return this.#reporting;
  }

  /** The report was received. */
  reported(): void {
    this.#reporting = undefined;
  }

  /** The report may be lost: it is to be sent again. */
  putBack(): void {
    this.#waiting = this.whole;
    this.#reporting = undefined;
  }
}
