import { EventLogError, type Place } from './event-log-error.ts';
import type { LogRecord } from './record.ts';

/**
 * Takes records in the order they stand in the log and gives whole decisions: nothing is seen of a decision
 * whose last record isn't there yet.
 */
export class DecisionReader {
  #next: number | null;
  #decision: LogRecord[] = [];

  /** `next` is the sequence number of the first record; null where the first one says it. */
  constructor(next: number | null) {
    this.#next = next;
  }

  /** Whether a decision has begun and not ended. */
  get isInside(): boolean {
    return this.#decision.length > 0;
  }

  /** The sequence number that the next record must have; null before the first. */
  get next(): number | null {
    return this.#next;
  }

  /** Throws `bad-sequence` if that is not the next record's number. */
  expect(seq: number, place: Place): void {
    if (this.#next === null || seq === this.#next) return;
    throw new EventLogError(
      'bad-sequence',
      `found record ${seq} where record ${this.#next} was expected`,
      place,
    );
  }

  /** The decision that this record completes, or null. Throws `bad-sequence`. */
  take(record: LogRecord, place: Place): readonly LogRecord[] | null {
    this.expect(record.seq, place);
    this.#next = record.seq + 1;
    this.#decision.push(record);
    if (record.rest > 0) return null;
    const decision = this.#decision;
    this.#decision = [];
    return decision;
  }

  /** Forgets the decision that has begun: it is read again from its first record. */
  restart(): void {
    this.#next = this.#decision[0]?.seq ?? this.#next;
    this.#decision = [];
  }
}
