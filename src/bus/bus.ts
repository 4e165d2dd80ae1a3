import { type BusMessage, type MessageOf, type Published, subjectOf } from './messages.ts';
import { matches } from './subject.ts';

/** Takes a message; what it throws reaches only the bus's `onFailure`. */
export type Subscriber = (message: Published) => void;

export interface Bus {
  /**
   * Hands the message to every subscriber whose pattern its subject matches, in order of subscription. A
   * message published while another is being delivered is queued, so all subscribers see one order.
   */
  publish(message: BusMessage): void;
  /** Returns how to end the subscription. */
  subscribe(patterns: readonly string[], subscriber: Subscriber): () => void;
  /** The same for all messages of one type, whomever they are about. */
  on<T extends BusMessage['type']>(type: T, subscriber: (message: MessageOf<T>) => void): () => void;
}

export interface BusOptions {
  /** Milliseconds since the epoch; stamps each message. */
  readonly now: () => number;
  /** A subscriber threw; the others have had the message all the same. */
  readonly onFailure: (error: unknown, message: Published) => void;
}

interface Subscription {
  readonly patterns: readonly string[];
  readonly subscriber: Subscriber;
}

export function createBus({ now, onFailure }: BusOptions): Bus {
  const subscriptions = new Set<Subscription>();
  const waiting: Published[] = [];
  let handingOut = false;
  let sequence = 0;

  function handOut(message: Published): void {
    for (const { patterns, subscriber } of [...subscriptions]) {
      if (!patterns.some((pattern) => matches(pattern, message.subject))) continue;
      try {
        subscriber(message);
      } catch (error) {
        onFailure(error, message);
      }
    }
  }

  function subscribe(patterns: readonly string[], subscriber: Subscriber): () => void {
    const subscription = { patterns, subscriber };
    subscriptions.add(subscription);
    return () => {
      subscriptions.delete(subscription);
    };
  }

  return {
    publish(message) {
      sequence += 1;
      waiting.push({ ...message, at: now(), sequence, subject: subjectOf(message) });
      if (handingOut) return;
      handingOut = true;
      try {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) handOut(next);
      } finally {
        handingOut = false;
      }
    },
    subscribe,
    on(type, subscriber) {
      const [area, news] = type.split('.');
      // All that come by these subjects are of that type; see `subjectOf`.
      return subscribe([type, `${area}.*.${news}`], subscriber as Subscriber);
    },
  };
}
