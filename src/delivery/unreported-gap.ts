import type { Gap } from '../vocabulary/model.ts';
import { joinGaps } from './cursors.ts';

/** What a Bro will never get and may not know yet: rows it is being told of, and rows that came to it meanwhile. */
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

  /** What the Bro is to be told now, if anything; it counts as unreported until {@link reported}. */
  take(): Gap | undefined {
    this.putBack();
    this.#reporting = this.#waiting;
    this.#waiting = undefined;
    return this.#reporting;
  }

  /** The Bro knows what it was being told. */
  reported(): void {
    this.#reporting = undefined;
  }

  /** The Bro may not have heard: it is to be told again. */
  putBack(): void {
    this.#waiting = this.whole;
    this.#reporting = undefined;
  }
}
