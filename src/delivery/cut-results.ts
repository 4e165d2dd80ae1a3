import { ProblemThrottle } from '../text/problem-throttle.ts';
import type { Notice } from '../vocabulary/model.ts';
import type { SubscribedQuery } from './deliverables.ts';

/** Milliseconds between two notices of one query. */
const INTERVAL = 60_000;

/** Tells Zeeks of results that osqueryd cut off: which query such a line is of shows in its columns alone. */
export class CutResults {
  readonly #queries: () => readonly SubscribedQuery[];
  readonly #now: () => number;
  readonly #throttles = new Map<string, ProblemThrottle>();

  constructor(queries: () => readonly SubscribedQuery[], now: () => number) {
    this.#queries = queries;
    this.#now = now;
  }

  /** @param columns those that could be read, in the order of their names, as osqueryd writes them */
  notices(columns: readonly string[]): readonly { readonly peer: string; readonly notice: Notice }[] {
    const candidates = this.#queries().filter((query) => {
      const names = query.columns.map(({ name }) => name).sort();
      return columns.every((name, index) => names[index] === name);
    });
    return candidates.flatMap(({ name, peer, query }) => {
      if (this.#throttle(name).count() === 0) return [];
      const which =
        candidates.length === 1 ? 'this query' : `one of ${candidates.length} queries like this one`;
      const text = `osqueryd cut off a result of ${which} at a number that JSON has no form for, and all of its rows are lost: set its --logger_numerics to false`;
      return [{ peer, notice: { level: 'warning', text, query } as const }];
    });
  }

  #throttle(name: string): ProblemThrottle {
    let throttle = this.#throttles.get(name);
    if (!throttle) {
      throttle = new ProblemThrottle(INTERVAL, this.#now);
      this.#throttles.set(name, throttle);
    }
    return throttle;
  }
}
