import type { ZeekEvent } from '../broker/zeek-event.ts';
import type { RowCounter } from './delivery-counts.ts';

/** Rows of one query in a row with the same fate: `confirmed` once the batch is, or skipped for a reason. */
interface Tally {
  readonly counter: RowCounter;
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
  readonly counter: RowCounter;
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

  add(counter: RowCounter, topic: string, event: ZeekEvent, number: number, bytes: number): void {
    const group = this.#groups.at(-1);
    const row = { counter, number };
    if (group?.topic === topic) {
      group.events.push(event);
      group.rows.push(row);
    } else this.#groups.push({ topic, events: [event], rows: [row] });
    this.rows += 1;
    this.bytes += bytes;
    this.last = number;
    this.#count(counter, undefined, 1, number);
  }

  /** @param last the number of the last of the rows */
  skip(counter: RowCounter, reason: string, rows: number, last: number): void {
    this.#count(counter, reason, rows, last);
  }

  #count(counter: RowCounter, skipped: string | undefined, rows: number, last: number): void {
    const tally = this.#tallies.at(-1);
    // Only numbers that follow one another are counted together, so that a tally lies below a number or doesn't.
    if (tally && tally.counter === counter && tally.skipped === skipped && tally.last + rows === last) {
      tally.rows += rows;
      tally.last = last;
    } else {
      this.#tallies.push({ counter, skipped, rows, last });
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
    for (const { counter, skipped, rows, last } of this.#tallies) {
      if (skipped === undefined) counter.send(last - rows + 1, rows);
    }
  }

  /** The row was not sent after all, for that reason: it will be booked as skipped. */
  leaveOut({ counter, number }: SentRow, reason: string): void {
    this.#tallies = this.#tallies.flatMap((tally) => {
      const before = number - (tally.last - tally.rows) - 1;
      if (tally.counter !== counter || tally.skipped !== undefined || before < 0 || number > tally.last)
        return [tally];
      const after = tally.last - number;
      return [
        { counter, skipped: undefined, rows: before, last: number - 1 },
        { counter, skipped: reason, rows: 1, last: number },
        { counter, skipped: undefined, rows: after, last: tally.last },
      ].filter(({ rows }) => rows > 0);
    });
  }

  settle(): void {
    for (const { counter, skipped, rows } of this.#tallies) {
      if (skipped === undefined) counter.confirmed += rows;
      else counter.skip(skipped, rows);
    }
    this.#tallies = [];
  }

  /**
   * Counts what lies below the number, and can't be sent again, as dropped.
   * @returns rows dropped by name of the query
   */
  dropBelow(number: number): Map<string, number> {
    const dropped = new Map<string, number>();
    for (const { counter, skipped, rows, last } of this.#tallies) {
      if (last >= number) continue;
      if (skipped !== undefined) counter.skip(skipped, rows);
      else {
        counter.dropped += rows;
        dropped.set(counter.name, (dropped.get(counter.name) ?? 0) + rows);
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
