/**
 * osquery's lock on the schedule: the scheduler holds it while it runs queries and while it waits for the
 * logger's replies, so an update from inside a logger call waits for that very call (osquery.md 9).
 */
export class ScheduleLock {
  #tail: Promise<void> = Promise.resolve();

  /** Runs `work` when everybody who asked before has finished. Not re-entrant. */
  hold<T>(work: () => T | Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
