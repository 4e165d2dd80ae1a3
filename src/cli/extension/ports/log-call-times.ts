/** How long osquery's log calls take until they are answered, in seconds. */
export class LogCallTimes {
  readonly #listeners = new Set<(seconds: number) => void>();
  /** All together. */
  seconds = 0;
  longest = 0;

  record(seconds: number): void {
    this.seconds += seconds;
    this.longest = Math.max(this.longest, seconds);
    for (const listener of this.#listeners) listener(seconds);
  }

  /** Has the listener hear of each call from now on. */
  listen(listener: (seconds: number) => void): void {
    this.#listeners.add(listener);
  }
}
