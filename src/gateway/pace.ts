/** Lets so many through a second, and for a moment as many as in `burst` seconds. */
export class Pace {
  readonly #perSecond: number;
  readonly #most: number;
  #left: number;
  #at: number;

  /** @param now milliseconds, as in the calls that follow */
  constructor(perSecond: number, now: number, burst = 1) {
    this.#perSecond = perSecond;
    this.#most = Math.max(1, perSecond * burst);
    this.#left = this.#most;
    this.#at = now;
  }

  /**
   * Counts what has come, whether there was room for it or not.
   * @returns milliseconds until more should come, 0 for at once
   */
  take(count: number, now: number): number {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return 0;
    const gained = (Math.max(0, now - this.#at) * this.#perSecond) / 1000;
    this.#left = Math.min(this.#most, this.#left + gained) - count;
    this.#at = now;
    return this.#left >= 0 ? 0 : Math.ceil((-this.#left * 1000) / this.#perSecond);
  }
}
