/** How long osquery's log calls take until they are answered, in seconds. */
export class LogCallTimes {
  readonly #listeners = new Set<(seconds: number) => void>();
  /** All together. */
  seconds = 0;
  longest = 0;
  #longestLately = 0;

  record(seconds: number): void {
    this.seconds += seconds;
    this.longest = Math.max(this.longest, seconds);
    this.#longestLately = Math.max(this.#longestLately, seconds);
    for (const listener of this.#listeners) listener(seconds);
  }

  /** The longest since this was asked last. */
  takeLongest(): number {
    const longest = this.#longestLately;
    this.#longestLately = 0;
    return longest;
  }

  /** Has the listener hear of each call from now on. */
  listen(listener: (seconds: number) => void): void {
    this.#listeners.add(listener);
  }
}
