/** Limits reports of a repeated problem to one in a while, with its count. */
export class ProblemThrottle {
  readonly #interval: number;
  readonly #now: () => number;
  #saidAt = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(interval: number, now: () => number) {
    this.#interval = interval;
    this.#now = now;
  }

  /** Counts so many. @returns how many there were since the last report, 0 if the next one is not due */
  count(more = 1): number {
    this.#unsaid += more;
    const now = this.#now();
    if (now - this.#saidAt < this.#interval) return 0;
    const unsaid = this.#unsaid;
    this.#saidAt = now;
    this.#unsaid = 0;
    return unsaid;
  }
}
