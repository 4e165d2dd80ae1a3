import { type DeliveryCounts, RowCounter } from './delivery-counts.ts';

/** All counters: one for each query, and one for each Bro that sums up its queries that have ended. */
export class RowCounters {
  /** By name of the query: such a name is never used for anything else. */
  readonly #counters = new Map<string, RowCounter>();
  readonly #ended = new Map<string, RowCounter>();

  /** The counter of a query whose rows have been seen. */
  find(name: string): RowCounter | undefined {
    return this.#counters.get(name);
  }

  open(peer: string, name: string): RowCounter {
    const counter = new RowCounter(peer, name);
    this.#counters.set(name, counter);
    return counter;
  }

  /** Rows of the Bro that are still to be confirmed. */
  pending(peer: string): number {
    let rows = 0;
    for (const counter of this.#counters.values()) if (counter.peer === peer) rows += counter.pending;
    return rows;
  }

  /** Sums up the queries that have ended and have nothing pending. */
  closeEnded(runs: (name: string) => boolean): void {
    for (const [name, counter] of this.#counters) {
      if (counter.pending !== 0 || runs(name)) continue;
      this.#counters.delete(name);
      let ended = this.#ended.get(counter.peer);
      if (!ended) {
        ended = new RowCounter(counter.peer, '');
        this.#ended.set(counter.peer, ended);
      }
      ended.absorb(counter);
    }
  }

  /** Forgets a Bro. */
  forget(peer: string): void {
    this.#ended.delete(peer);
    for (const [name, counter] of this.#counters) if (counter.peer === peer) this.#counters.delete(name);
  }

  counts(): DeliveryCounts[] {
    return [...this.#ended.values(), ...this.#counters.values()].map((counter) => counter.counts());
  }
}
