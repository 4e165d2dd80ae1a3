import type { DistributedQuery, DistributedResult } from './distributed-plugin.ts';

interface Waiting {
  readonly query: DistributedQuery;
  readonly resolve: (result: DistributedResult) => void;
}

/** One-time queries that osquery fetches from us, runs under its own watchdog, and brings the results of. */
export class DistributedExecutions {
  readonly #waiting = new Map<string, Waiting>();

  /** Resolves with what osquery brings; aborting takes the query back. */
  run(query: DistributedQuery, signal: AbortSignal): Promise<DistributedResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(query.id, { query, resolve });
      signal.addEventListener(
        'abort',
        () => {
          this.#waiting.delete(query.id);
          reject(new Error(`one-time query ${query.id} was cancelled`));
        },
        { once: true },
      );
    });
  }

  /** All that have no result yet; osquery may ask again after a restart. */
  waiting(): readonly DistributedQuery[] {
    return [...this.#waiting.values()].map(({ query }) => query);
  }

  take(results: readonly DistributedResult[]): void {
    for (const result of results) {
      this.#waiting.get(result.id)?.resolve(result);
      this.#waiting.delete(result.id);
    }
  }
}
