import type { ZeekEvent } from '../broker/zeek-event.ts';
import type { Ledger } from './accounting.ts';

/** Rows of one query in a row with the same fate: `confirmed` once the batch is, or skipped for a reason. */
interface Tally {
  readonly ledger: Ledger;
  readonly skipped: string | undefined;
  rows: number;
  /** The number of the last one. */
  last: number;
}

/** Events for one topic. */
export interface TopicEvents {
  readonly topic: string;
  readonly events: ZeekEvent[];
  /** The rows that they are of, by the same index. */
  readonly rows: SentRow[];
}

/** A row of a batch. */
export interface SentRow {
  readonly ledger: Ledger;
  readonly number: number;
}

/**
 * Events that go out together, and what will be booked once they are confirmed; rows that were skipped on the
 * way are booked with them, so that rows below a cursor, and no others, are settled.
 */
export class Batch {
  #groups: TopicEvents[] = [];
  rows = 0;
  bytes = 0;
  /** Number of the last row that is sent. */
  last = -1;
  /** All rows of the Bro below are settled once this batch is. */
  upTo = 0;
  /** Whether the transport has taken it. */
  handed = false;
  #tallies: Tally[] = [];

  get isEmpty(): boolean {
    return this.rows === 0;
  }

  add(ledger: Ledger, topic: string, event: ZeekEvent, number: number, bytes: number): void {
    const group = this.#groups.at(-1);
    const row = { ledger, number };
    if (group?.topic === topic) {
      group.events.push(event);
      group.rows.push(row);
    } else this.#groups.push({ topic, events: [event], rows: [row] });
    this.rows += 1;
    this.bytes += bytes;
    this.last = number;
    this.#count(ledger, undefined, 1, number);
  }

  /** @param last the number of the last of the rows */
  skip(ledger: Ledger, reason: string, rows: number, last: number): void {
    this.#count(ledger, reason, rows, last);
  }

  #count(ledger: Ledger, skipped: string | undefined, rows: number, last: number): void {
    const tally = this.#tallies.at(-1);
    // Only numbers that follow one another are counted together, so that a tally lies below a number or doesn't.
    if (tally && tally.ledger === ledger && tally.skipped === skipped && tally.last + rows === last) {
      tally.rows += rows;
      tally.last = last;
    } else {
      this.#tallies.push({ ledger, skipped, rows, last });
    }
  }

  /**
   * The events, in the rows' order; those for the same topic one after another travel as one message. They are the
   * caller's from now on: what has been sent is not held, however long its confirmation takes, for a garbage
   * collection lasts as long as what it finds alive is large.
   */
  takeGroups(): readonly TopicEvents[] {
    const groups = this.#groups;
    this.#groups = [];
    return groups;
  }

  bookSent(): void {
    for (const { ledger, skipped, rows, last } of this.#tallies) {
      if (skipped === undefined) ledger.send(last - rows + 1, rows);
    }
  }

  /** The row was not sent after all, for that reason: it will be booked as skipped. */
  leaveOut({ ledger, number }: SentRow, reason: string): void {
    this.#tallies = this.#tallies.flatMap((tally) => {
      const before = number - (tally.last - tally.rows) - 1;
      if (tally.ledger !== ledger || tally.skipped !== undefined || before < 0 || number > tally.last)
        return [tally];
      const after = tally.last - number;
      return [
        { ledger, skipped: undefined, rows: before, last: number - 1 },
        { ledger, skipped: reason, rows: 1, last: number },
        { ledger, skipped: undefined, rows: after, last: tally.last },
      ].filter(({ rows }) => rows > 0);
    });
  }

  settle(): void {
    for (const { ledger, skipped, rows } of this.#tallies) {
      if (skipped === undefined) ledger.confirmed += rows;
      else ledger.skip(skipped, rows);
    }
    this.#tallies = [];
  }

  /**
   * Books what lies below the number, and can't be sent again, as dropped.
   * @returns rows dropped by name of the query
   */
  dropBelow(number: number): Map<string, number> {
    const dropped = new Map<string, number>();
    for (const { ledger, skipped, rows, last } of this.#tallies) {
      if (last >= number) continue;
      if (skipped !== undefined) ledger.skip(skipped, rows);
      else {
        ledger.dropped += rows;
        dropped.set(ledger.name, (dropped.get(ledger.name) ?? 0) + rows);
      }
    }
    return dropped;
  }

  /** Takes over what the other, which has no events, will book. */
  absorb(other: Batch): void {
    for (const tally of other.#tallies) this.#tallies.push(tally);
    this.upTo = other.upTo;
  }
}
