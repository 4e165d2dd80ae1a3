import type { TopicEvent } from '../broker/zeek-event.ts';
import type {
  Audience,
  ColumnsWanted,
  Declaration,
  Gap,
  Host,
  Notice,
  Receipt,
  RepeatedQuery,
  Request,
  VocabularyId,
} from '../vocabulary/model.ts';

/**
 * What a host knows of one Zeek over one connection, in all vocabularies at once. Plain data that survives JSON.
 * {@link file://./converse.ts} says how it goes on.
 */
export interface Conversation {
  /** A random id, new at each connect. */
  readonly connectionId: string;
  /** This host, as it introduces itself now. */
  readonly host: Host;
  /** Topic prefixes that the Zeek subscribed to; null where the transport can't tell. */
  readonly filter: readonly string[] | null;
  /** Version of that Zeek, from its transport or its greeting; empty: not known. */
  readonly zeekVersion: string;
  /** Version of the Zeek's script package, from its greeting; null before one. */
  readonly scriptsVersion: string | null;
  /** Version of our own Zeek package there, as it declared it; empty if it has not. */
  readonly packageVersion: string;
  /** Vocabularies in which the Zeek has asked for or said something, the last one first. */
  readonly spoken: readonly VocabularyId[];
  /** Where the Zeek wants to be told the names of its queries' columns; null where it has not asked. */
  readonly columnsTopic: string | null;
  /** Whether the Zeek has declared, over this connection, to want just what it has. */
  readonly isAffirmed: boolean;
}

/** What is known when the connection comes up. */
export type Opening = Pick<Conversation, 'connectionId' | 'host' | 'filter' | 'zeekVersion'>;

/** A conversation in which nobody has said anything. */
export function openConversation(opening: Opening): Conversation {
  return {
    ...opening,
    scriptsVersion: null,
    packageVersion: '',
    spoken: [],
    columnsTopic: null,
    isAffirmed: false,
  };
}

/** What a conversation goes on with. Plain data that survives JSON; `at` is in milliseconds since the epoch. */
export type ConversationInput = { readonly at: number } & (
  | { readonly type: 'connected' }
  /** The Zeek asked for something. */
  | { readonly type: 'requested'; readonly request: Request; readonly audience: Audience }
  /** The Zeek's scripts have handled rows, or miss some. */
  | { readonly type: 'acknowledged'; readonly acknowledgement: Receipt }
  /** The Zeek said what it wants in all; `held` are all subscriptions that this host has of it. */
  | {
      readonly type: 'declared';
      readonly declaration: Declaration;
      readonly audience: Audience;
      readonly held: readonly RepeatedQuery[];
    }
  /** The Zeek wants to be told the names of its queries' columns. */
  | { readonly type: 'columns-wanted'; readonly wanted: ColumnsWanted }
  /** The Zeek said something that its vocabulary has no such form for. */
  | { readonly type: 'malformed'; readonly vocabulary: VocabularyId; readonly problem: string }
  /** The Zeek's subscriptions to topics have changed. */
  | { readonly type: 'filter-changed'; readonly filter: readonly string[] }
  /** The host's addresses, groups or the like have changed. */
  | { readonly type: 'host-changed'; readonly host: Host }
  /** It is time to say hello again, where a vocabulary wants that. */
  | { readonly type: 'hello-due' }
  /** Something is to be told in the vocabulary of its query, else in the one spoken last. */
  | { readonly type: 'notice'; readonly notice: Notice }
  /** Rows are lost; `asked` is the vocabulary in which this Zeek asked before, over whatever connection. */
  | { readonly type: 'gap'; readonly gap: Gap; readonly asked: VocabularyId | null }
  /** The host ends the connection in good order. */
  | { readonly type: 'leaving' }
);

/** Where an input leads, and what follows from it: first what is to be said, in this order. */
export interface ConversationStep {
  readonly conversation: Conversation;
  readonly say: readonly TopicEvent[];
  /** For whoever decides on the schedule. */
  readonly requests: readonly { readonly request: Request; readonly audience: Audience }[];
  /** For whoever keeps count of the rows. */
  readonly acknowledgements: readonly Receipt[];
  /** For the log. */
  readonly problems: readonly string[];
}
