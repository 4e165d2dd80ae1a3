import type { Data } from './data.ts';
import { matchesFilter } from './handshake-messages.ts';
import { readMessages, type ZeekEvent } from './zeek-event.ts';

/** A client subscribes and waits for the ack; a server waits for subscriptions and acks them. */
export type WebSocketRole =
  | { readonly side: 'client' }
  | {
      readonly side: 'server';
      /** What the ack calls the client. */
      readonly clientId: string;
      /** What the ack gives as Zeek's version. */
      readonly version: string;
      /** Whether an event is declared, with these arguments. */
      declares(event: ZeekEvent): boolean;
    };

/** What one message of a data message's value is to this side; nothing where it is none of its business. */
export type Received =
  | { readonly event: ZeekEvent }
  /** `reply` is the context of the error with which a server answers its client. */
  | { readonly problem: string; readonly reply?: string };

/** What a data message on a topic holds for this side, which as a client has subscribed to `filter`. */
export function* heardIn(
  role: WebSocketRole,
  filter: readonly string[],
  topic: string,
  data: Data,
): Generator<Received> {
  for (const message of readMessages(data)) {
    if (role.side === 'server' && (message.type !== 'event' || !role.declares(message.event))) {
      // Zeek takes single events that it knows, whatever else Broker's messages may be.
      const reply = 'failed to create Zeek event';
      yield { problem: `undeclared event in a message on ${topic}`, reply };
    } else if (message.type === 'malformed') {
      yield { problem: `a message on ${topic}: ${message.problem}` };
    } else if (message.type === 'event' && (role.side === 'server' || matchesFilter(filter, topic))) {
      yield { event: message.event };
    }
  }
}
