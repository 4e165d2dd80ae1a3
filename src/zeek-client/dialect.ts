import type { TopicEvent, ZeekEvent } from '../broker/zeek-event.ts';
import type { VocabularyId } from '../vocabulary/model.ts';
import type { BroQuery, HostMessage, Subscription, Target } from './model.ts';

/** A Bro's side of a vocabulary, as Zeek's scripts have it. Pure. */
export interface ZeekDialect {
  readonly id: VocabularyId;
  /** Topic prefixes that the Bro wants of its hosts. */
  readonly filter: readonly string[];
  /** The topic that rows are asked to come to; empty: wherever the vocabulary sends them. */
  readonly responseTopic: string;
  topicOf(target: Target): string;
  /** Why the vocabulary can't express the query, as text; undefined if it can. */
  unsupported(query: BroQuery): string | undefined;
  subscribe(query: Subscription): ZeekEvent;
  unsubscribe(query: Subscription): ZeekEvent;
  execute(query: BroQuery): ZeekEvent;
  /** The events that make hosts join or leave a group, where the vocabulary has them. */
  readonly membership:
    | { readonly join: (group: string) => ZeekEvent; readonly leave: (group: string) => ZeekEvent }
    | undefined;
  /** Sent to each host that has announced itself, and again each minute. */
  greeting(): ZeekEvent | undefined;
  /** Sent to every host before the Bro ends. */
  farewell(): ZeekEvent | undefined;
  /**
   * What an event from a host means, given the queries that this Bro has asked; undefined if it means nothing in
   * this vocabulary. Never throws.
   */
  decode(message: TopicEvent, asked: readonly BroQuery[]): HostMessage | undefined;
}
