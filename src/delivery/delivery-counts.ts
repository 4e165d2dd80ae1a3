/**
 * Where the rows are: for each Bro and query, what osquery handed over and what became of it, since the start
 * of the process (what it found in its journal counts as handed over then).
 */

/** Counts of rows. See {@link countsError} for the law that they obey. */
export interface DeliveryCounts {
  readonly peer: string;
  /** Name of the query; empty: those that have ended. */
  readonly name: string;
  /** Handed over by osquery. */
  readonly taken: number;
  /** Of those: what the journal didn't take. */
  readonly refused: number;
  /** Given to the Bro's connection, each once. */
  readonly sent: number;
  /** Given to it again. */
  readonly resent: number;
  /** Confirmed by the Bro. */
  readonly confirmed: number;
  /** Lost by a bound or a damage, and declared as a gap. */
  readonly dropped: number;
  /** Not to be sent, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** In the journal, still to be confirmed. */
  readonly pending: number;
}

/** Why the counts are wrong, undefined if they add up. */
export function countsError(counts: DeliveryCounts): string | undefined {
  const skipped = Object.values(counts.skipped).reduce((sum, rows) => sum + rows, 0);
  const settled = counts.refused + counts.confirmed + counts.dropped + skipped;
  const where = `counts of ${counts.name || 'ended queries'} for ${counts.peer}`;
  if (counts.taken !== settled + counts.pending) {
    return `${where}: ${counts.taken} taken, but ${settled} settled and ${counts.pending} pending`;
  }
  if (counts.pending < 0) return `${where}: ${counts.pending} pending`;
  if (counts.confirmed > counts.sent) {
    return `${where}: ${counts.confirmed} confirmed, but ${counts.sent} sent`;
  }
  if (counts.sent > counts.taken) return `${where}: ${counts.sent} sent, but ${counts.taken} taken`;
  return undefined;
}

/** Counts that are being kept. */
export class RowCounter {
  readonly peer: string;
  readonly name: string;
  taken = 0;
  refused = 0;
  sent = 0;
  resent = 0;
  confirmed = 0;
  dropped = 0;
  readonly #skipped = new Map<string, number>();
  #skippedTotal = 0;
  /** Rows numbered from here on have never been sent. */
  #fresh = 0;

  constructor(peer: string, name: string) {
    this.peer = peer;
    this.name = name;
  }

  get pending(): number {
    return this.taken - this.refused - this.confirmed - this.dropped - this.#skippedTotal;
  }

  /** Counts rows, numbered from `first` on, as sent; those that were sent before, as sent again. */
  send(first: number, rows: number): void {
    const repeated = Math.max(0, Math.min(rows, this.#fresh - first));
    this.resent += repeated;
    this.sent += rows - repeated;
    this.#fresh = Math.max(this.#fresh, first + rows);
  }

  skip(reason: string, rows: number): void {
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + rows);
    this.#skippedTotal += rows;
  }

  /** Adds what the other has counted. */
  absorb(other: RowCounter): void {
    this.taken += other.taken;
    this.refused += other.refused;
    this.sent += other.sent;
    this.resent += other.resent;
    this.confirmed += other.confirmed;
    this.dropped += other.dropped;
    for (const [reason, rows] of other.#skipped) this.skip(reason, rows);
  }

  counts(): DeliveryCounts {
    const { peer, name, taken, refused, sent, resent, confirmed, dropped, pending } = this;
    const skipped = Object.fromEntries(this.#skipped);
    return { peer, name, taken, refused, sent, resent, confirmed, dropped, skipped, pending };
  }
}
