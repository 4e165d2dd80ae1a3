import type { Batch } from './batch.ts';

/** Batches that were sent over a link and wait for the Bro's confirmation, oldest first. */
export class InFlight {
  #batches: Batch[] = [];
  #rows = 0;
  #bytes = 0;

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get batches(): readonly Batch[] {
    return this.#batches;
  }

  /** The number of the last row that the transport has taken, undefined if none is on its way. */
  get lastHanded(): number | undefined {
    return this.#batches.findLast(({ handed }) => handed)?.last;
  }

  add(batch: Batch): void {
    this.#batches.push(batch);
    this.#rows += batch.rows;
    this.#bytes += batch.bytes;
  }

  /**
   * Counts all batches whose rows are numbered up to that.
   * @returns the number below which everything is settled now, undefined if nothing was
   */
  settle(upTo: number): number | undefined {
    let settled = 0;
    let below: number | undefined;
    for (const batch of this.#batches) {
      if (batch.last > upTo || !batch.handed) break;
      batch.settle();
      this.#rows -= batch.rows;
      this.#bytes -= batch.bytes;
      below = batch.upTo;
      settled += 1;
    }
    this.#batches.splice(0, settled);
    return below;
  }
}
