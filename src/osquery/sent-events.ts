/**
 * A bounded memory of the rows of event tables that were sent at the moment of the event, so that the same row
 * is not sent again when the schedule brings it. A row is known by what the subscription selects of it, for that
 * is all that the schedule brings; where it selects `eid`, no two are alike. Times come in as arguments.
 */
import { createHash } from 'node:crypto';
import { encodeText } from '../text/byte-text.ts';
import type { Row } from './row.ts';

export interface SentEventsOptions {
  /** Rows remembered for each subscription; what is forgotten for want of room is sent twice. */
  readonly perSubscription: number;
}

export class SentEvents {
  readonly #limit: number;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor({ perSubscription }: SentEventsOptions) {
    this.#limit = perSubscription;
  }

  /**
   * Remembers a row that was sent. `until`: when to give up waiting for it, some intervals of the schedule ahead;
   * without an end, a row that osquery lost in a restart would later hide one that is merely alike.
   */
  sent(subscription: string, row: Row, until: number): void {
    const known = this.#subscriptions.get(subscription) ?? { rows: new Map(), count: 0 };
    this.#subscriptions.set(subscription, known);
    const key = rowKey(row);
    const times = known.rows.get(key) ?? [];
    times.push(until);
    known.rows.set(key, times);
    known.count += 1;
    if (known.count > this.#limit) forgetOldest(known);
  }

  /** Whether the row that the schedule brings was sent already; each sending counts once. */
  take(subscription: string, row: Row, now: number): boolean {
    const known = this.#subscriptions.get(subscription);
    if (!known) return false;
    const key = rowKey(row);
    const times = known.rows.get(key) ?? [];
    const living = times.filter((until) => until >= now);
    const found = living.shift() !== undefined;
    known.count -= times.length - living.length;
    if (living.length > 0) known.rows.set(key, living);
    else known.rows.delete(key);
    return found;
  }

  forget(subscription: string): void {
    this.#subscriptions.delete(subscription);
  }

  /** How many rows are remembered for the subscription. */
  count(subscription: string): number {
    return this.#subscriptions.get(subscription)?.count ?? 0;
  }
}

interface Subscription {
  /** Key of a row to the ends of its memories, in the order of their sending. */
  readonly rows: Map<string, number[]>;
  count: number;
}

function forgetOldest(known: Subscription): void {
  const [oldest] = known.rows;
  if (!oldest) return;
  const [key, times] = oldest;
  times.shift();
  known.count -= 1;
  if (times.length === 0) known.rows.delete(key);
}

/** Same for a row as the event gave it and as the schedule does, where texts may be escaped and 1.0 be 1. */
function rowKey(row: Row): string {
  const cells = Object.entries(row)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => [name, plain(value)]);
  return createHash('sha256').update(JSON.stringify(cells)).digest('base64');
}

/** Differential results have bytes outside of printable ASCII as `\xHH`, in some versions of osquery all of them. */
function plain(value: string): string {
  if (/^[ -~]*$/.test(value)) return value.replace(/^(-?\d+)\.0$/, '$1');
  return [...encodeText(value)]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}
