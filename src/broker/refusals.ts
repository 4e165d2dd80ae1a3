/** Events of one name between two fences. */
interface Sent {
  count: number;
  /** For each that somebody wants to know of: called if it was refused. */
  readonly leaveOut: (() => void)[];
}

/** What was sent between two fences, and how much of it Zeek refused. */
interface Interval {
  /** Returned when the fence at its end is answered; undefined while it is open. */
  marker: Uint8Array | undefined;
  readonly sent: Map<string, Sent>;
  refused: number;
}

/** Events that Zeek refused: `count` of the `of` events of these names. */
export interface Refused {
  readonly events: readonly string[];
  readonly count: number;
  readonly of: number;
  /** Whether those who sent them have been told of each. */
  readonly isTold: boolean;
}

/** Milliseconds after a refusal in which events of different names are kept apart by fences. */
const WARY = 60_000;

/**
 * Which events a Zeek has refused over WebSocket. Its errors name no message, but come in the order of what it was sent;
 * so does the error for a fence, a message that no Zeek takes. Between two fences all events have one name, as a rule,
 * and the errors that come in between are of these.
 */
export class Refusals {
  readonly #now: () => number;
  #intervals: Interval[] = [newInterval()];
  #refusedAt = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds, of whatever epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether a fence is due before an event of this name. */
  isFenceDue(name: string): boolean {
    if (this.#now() - this.#refusedAt >= WARY) return false;
    const { sent } = this.#open;
    return sent.size > 0 && !sent.has(name);
  }

  /** Whether a fence is under way. */
  get isFenced(): boolean {
    return this.#intervals.length > 1;
  }

  /** An event was sent. */
  sent(name: string, leaveOut: (() => void) | undefined): void {
    const { sent } = this.#open;
    let events = sent.get(name);
    if (!events) {
      events = { count: 0, leaveOut: [] };
      sent.set(name, events);
    }
    events.count += 1;
    if (leaveOut) events.leaveOut.push(leaveOut);
  }

  /** A fence was sent. */
  fenced(marker: Uint8Array): void {
    this.#open.marker = marker;
    this.#intervals.push(newInterval());
  }

  /** An error came that is not a fence's. */
  refused(): void {
    this.#refusedAt = this.#now();
    const [oldest] = this.#intervals;
    if (oldest) oldest.refused += 1;
  }

  /**
   * The error of the oldest fence came. Those who wait to hear of refused events are told, as far as it is known which they are.
   * @returns undefined where no fence is under way
   */
  answered(): { readonly marker: Uint8Array; readonly refused: Refused | undefined } | undefined {
    const [oldest] = this.#intervals;
    if (oldest?.marker === undefined) return undefined;
    this.#intervals.shift();
    return { marker: oldest.marker, refused: settle(oldest) };
  }

  get #open(): Interval {
    const open = this.#intervals.at(-1);
    if (!open) throw new Error('there is always an open interval');
    return open;
  }
}

function newInterval(): Interval {
  return { marker: undefined, sent: new Map(), refused: 0 };
}

function settle({ sent, refused }: Interval): Refused | undefined {
  if (refused === 0) return undefined;
  const all = [...sent.values()];
  const of = all.reduce((sum, { count }) => sum + count, 0);
  const isKnown = refused >= of || sent.size === 1;
  // Of events of one name only the number is known: which of them makes no difference to the counts.
  if (isKnown) for (const { leaveOut } of all) for (const call of leaveOut.slice(0, refused)) call();
  const isTold = isKnown && all.every(({ count, leaveOut }) => leaveOut.length === count);
  return { events: [...sent.keys()], count: Math.min(refused, of), of, isTold };
}
