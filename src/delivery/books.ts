import { type Account, Ledger } from './accounting.ts';

/** All ledgers: one for each query, and one for each Bro that sums up its queries that have ended. */
export class Books {
  /** By name of the query: such a name is never used for anything else. */
  readonly #ledgers = new Map<string, Ledger>();
  readonly #ended = new Map<string, Ledger>();

  /** The ledger of a query whose rows have been seen. */
  find(name: string): Ledger | undefined {
    return this.#ledgers.get(name);
  }

  open(peer: string, name: string): Ledger {
    const ledger = new Ledger(peer, name);
    this.#ledgers.set(name, ledger);
    return ledger;
  }

  /** Rows of the Bro that are still to be confirmed. */
  pending(peer: string): number {
    let rows = 0;
    for (const ledger of this.#ledgers.values()) if (ledger.peer === peer) rows += ledger.pending;
    return rows;
  }

  /** Sums up the queries that have ended and have nothing pending. */
  closeEnded(runs: (name: string) => boolean): void {
    for (const [name, ledger] of this.#ledgers) {
      if (ledger.pending !== 0 || runs(name)) continue;
      this.#ledgers.delete(name);
      let ended = this.#ended.get(ledger.peer);
      if (!ended) {
        ended = new Ledger(ledger.peer, '');
        this.#ended.set(ledger.peer, ended);
      }
      ended.absorb(ledger);
    }
  }

  /** Forgets a Bro. */
  forget(peer: string): void {
    this.#ended.delete(peer);
    for (const [name, ledger] of this.#ledgers) if (ledger.peer === peer) this.#ledgers.delete(name);
  }

  accounts(): Account[] {
    return [...this.#ended.values(), ...this.#ledgers.values()].map((ledger) => ledger.account());
  }
}
