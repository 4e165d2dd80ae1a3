import type { ConnectionError } from '../broker/connection.ts';

/** Bytes and messages that may be on their way unacknowledged. */
const MAX_BYTES = 1024 * 1024;
const MAX_MESSAGES = 2_000;

/**
 * What has been sent and not been acknowledged yet, bounded: whoever waits for room sends no faster than the server
 * takes.
 */
export class InFlight {
  #bytes = 0;
  readonly #pending = new Set<Promise<void>>();
  readonly #waiting = new Set<PromiseWithResolvers<void>>();
  #failed: ConnectionError | undefined;

  /** Counts a message until `acknowledged` settles; why it was not acknowledged is the sender's concern. */
  add(bytes: number, acknowledged: Promise<unknown>): void {
    this.#bytes += bytes;
    const settled = acknowledged
      .then(
        () => {},
        () => {},
      )
      .finally(() => {
        this.#bytes -= bytes;
        this.#pending.delete(settled);
        this.#wake();
      });
    this.#pending.add(settled);
  }

  /** Resolves when there is room for more; rejects when the connection has closed. */
  async room(): Promise<void> {
    while (this.#bytes >= MAX_BYTES || this.#pending.size >= MAX_MESSAGES) await this.#change();
    if (this.#failed) throw this.#failed;
  }

  /** Resolves when all that was added before has settled; rejects when the connection has closed. */
  async settled(): Promise<void> {
    await this.orFailure(Promise.all(this.#pending));
  }

  /** The promise's outcome, or the reason for which the connection closes first. */
  async orFailure<T>(promise: Promise<T>): Promise<T> {
    if (this.#failed) throw this.#failed;
    const guard = Promise.withResolvers<never>();
    const waiter = { ...guard, resolve: () => {} };
    this.#waiting.add(waiter);
    try {
      return await Promise.race([promise, guard.promise]);
    } finally {
      this.#waiting.delete(waiter);
    }
  }

  /** The connection has closed: whatever waits is rejected. */
  fail(error: ConnectionError): void {
    if (this.#failed) return;
    this.#failed = error;
    for (const waiter of [...this.#waiting]) waiter.reject(error);
  }

  async #change(): Promise<void> {
    if (this.#failed) throw this.#failed;
    const waiter = Promise.withResolvers<void>();
    this.#waiting.add(waiter);
    await waiter.promise.finally(() => this.#waiting.delete(waiter));
  }

  #wake(): void {
    for (const waiter of [...this.#waiting]) waiter.resolve();
  }
}
