/** A row as it was produced: a number of its own within its subscription. */
export interface ProducedRow {
  readonly subscription: string;
  readonly n: number;
}

/** Numbers rows for each subscription, remembers which were answered for, and judges what arrived in the end. */
export class RowAudit {
  readonly #produced = new Map<string, number>();
  readonly #answered = new Map<string, Set<number>>();
  /** In the order of arrival, by subscription: for each link the rows that came over it. */
  readonly #arrived = new Map<string, number[][]>();

  /** The numbers of rows that are about to be handed over. */
  produce(subscription: string, rows: number): number[] {
    const from = this.#produced.get(subscription) ?? 0;
    this.#produced.set(subscription, from + rows);
    return Array.from({ length: rows }, (_, index) => from + index);
  }

  /** The log call that carried these rows was answered OK. */
  answered(subscription: string, rows: readonly number[]): void {
    const known = this.#answered.get(subscription) ?? new Set();
    for (const n of rows) known.add(n);
    this.#answered.set(subscription, known);
  }

  /** A new link to the Bro that has the subscription: what comes now may repeat earlier rows. */
  link(subscription: string): void {
    this.#links(subscription).push([]);
  }

  arrived(subscription: string, n: number): void {
    const links = this.#links(subscription);
    if (links.length === 0) links.push([]);
    links.at(-1)?.push(n);
  }

  #links(subscription: string): number[][] {
    let links = this.#arrived.get(subscription);
    if (!links) {
      links = [];
      this.#arrived.set(subscription, links);
    }
    return links;
  }

  /** Rows that were answered for and have not arrived. */
  missing(subscription: string): number[] {
    const arrived = new Set(this.#links(subscription).flat());
    return [...(this.#answered.get(subscription) ?? [])].filter((n) => !arrived.has(n));
  }

  /** Everything that is wrong: rows lost, invented, or out of order. `lost` may be declared otherwise. */
  verdict(): { readonly lost: string[]; readonly invented: string[]; readonly disordered: string[] } {
    const lost: string[] = [];
    const invented: string[] = [];
    const disordered: string[] = [];
    for (const subscription of new Set([...this.#produced.keys(), ...this.#arrived.keys()])) {
      const produced = this.#produced.get(subscription) ?? 0;
      lost.push(...this.missing(subscription).map((n) => `${subscription} ${n}`));
      let highest = -1;
      for (const link of this.#links(subscription)) {
        let last = -1;
        for (const n of link) {
          if (!(n >= 0 && n < produced)) invented.push(`${subscription} ${n}`);
          // On one link nothing repeats; on the next it goes on from a row that has arrived, or the one after it.
          if (n <= last) disordered.push(`${subscription} ${n} after ${last}`);
          last = n;
          highest = Math.max(highest, n);
        }
      }
    }
    return { lost, invented, disordered };
  }

  /** Rows that were answered for. */
  get answeredFor(): number {
    return [...this.#answered.values()].reduce((sum, rows) => sum + rows.size, 0);
  }

  /** Arrivals, repeats among them. */
  get arrivals(): number {
    return [...this.#arrived.values()].flat().reduce((sum, link) => sum + link.length, 0);
  }

  get rows(): number {
    return [...this.#produced.values()].reduce((sum, rows) => sum + rows, 0);
  }
}
