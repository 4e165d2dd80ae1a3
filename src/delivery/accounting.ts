/**
 * Where the rows are: for each Bro and query, what osquery handed over and what became of it, since the start
 * of the process (what it found in its journal counts as handed over then).
 */

/** Counts of rows. See {@link accountError} for the law that they obey. */
export interface Account {
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

/** Why an account is wrong, undefined if it adds up. */
export function accountError(account: Account): string | undefined {
  const skipped = Object.values(account.skipped).reduce((sum, rows) => sum + rows, 0);
  const settled = account.refused + account.confirmed + account.dropped + skipped;
  const where = `account of ${account.name || 'ended queries'} for ${account.peer}`;
  if (account.taken !== settled + account.pending) {
    return `${where}: ${account.taken} taken, but ${settled} settled and ${account.pending} pending`;
  }
  if (account.pending < 0) return `${where}: ${account.pending} pending`;
  if (account.confirmed > account.sent) {
    return `${where}: ${account.confirmed} confirmed, but ${account.sent} sent`;
  }
  if (account.sent > account.taken) return `${where}: ${account.sent} sent, but ${account.taken} taken`;
  return undefined;
}

/** An account that is being kept. */
export class Ledger {
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

  /** Books rows, numbered from `first` on, as sent; those that were sent before, as sent again. */
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
  absorb(other: Ledger): void {
    this.taken += other.taken;
    this.refused += other.refused;
    this.sent += other.sent;
    this.resent += other.resent;
    this.confirmed += other.confirmed;
    this.dropped += other.dropped;
    for (const [reason, rows] of other.#skipped) this.skip(reason, rows);
  }

  account(): Account {
    const { peer, name, taken, refused, sent, resent, confirmed, dropped, pending } = this;
    const skipped = Object.fromEntries(this.#skipped);
    return { peer, name, taken, refused, sent, resent, confirmed, dropped, skipped, pending };
  }
}
