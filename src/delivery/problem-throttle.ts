/** Lets a repeated problem be said once in a while, with how often it came. */
export class ProblemThrottle {
  readonly #interval: number;
  readonly #now: () => number;
  #saidAt = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(interval: number, now: () => number) {
    this.#interval = interval;
    this.#now = now;
  }

  /** Counts one. @returns how many have come since the last time it was said, 0 if it isn't time to say it again */
  count(): number {
    this.#unsaid += 1;
    const now = this.#now();
    if (now - this.#saidAt < this.#interval) return 0;
    const unsaid = this.#unsaid;
    this.#saidAt = now;
    this.#unsaid = 0;
    return unsaid;
  }
}
