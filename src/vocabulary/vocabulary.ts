import type { TopicEvent, ZeekEvent } from '../broker/zeek-event.ts';
import type {
  Column,
  Decoded,
  Host,
  Notice,
  NullPolicy,
  Query,
  Reals,
  ResultRow,
  VocabularyId,
} from './model.ts';
import type { RowShape } from './row-shape.ts';
import type { RowProblem } from './row-values.ts';

/**
 * One of the dialects that Zeek scripts and osquery hosts speak (the tables in the package's zeek/README.md).
 * Pure: time and random ids come in; nothing here throws on what a peer sends or a row holds.
 */
export interface Vocabulary {
  readonly id: VocabularyId;

  /** Topics that the host listens on, in full; Broker matches them as prefixes, {@link decode} compares them whole. */
  filter(host: Host): readonly string[];

  /** Topics of {@link announcement}: it makes sense to speak only when the Bro's filter lets one of them through. */
  announceTopics(host: Host): readonly string[];

  /** What the host says when a Bro is up, its filter widens, or the host's groups or addresses have changed. */
  announcement(host: Host, session: SessionContext): readonly TopicEvent[];

  /** Seconds after which the announcement is due again; undefined where once is enough. */
  readonly helloInterval: number | undefined;

  /** What an event means; undefined if it is not this vocabulary's or not for this host. Never throws. */
  decode(topic: string, event: ZeekEvent, host: Host): Decoded | undefined;

  /** Requests that the vocabulary knows, by event name. */
  readonly requests: ReadonlyMap<string, RequestSignature>;

  /** Prepares a query's rows for sending: the result is called once a row, on the hot path, and never throws. */
  rowEncoder(query: Query, columns: readonly Column[], host: Host, options?: RowOptions): RowEncoder;

  /** A log line, warning or error for the Bro; undefined where the vocabulary has no word for it. */
  notice(notice: Notice, host: Host, peer: PeerContext): TopicEvent | undefined;

  /** What the host sends when it shuts down cleanly. */
  farewell(host: Host, session: SessionContext): readonly TopicEvent[];
}

/** When an announcement or a farewell is sent, and on which connection. */
export interface SessionContext {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** A random id, new at each connect: V5's Zeeks send all their queries anew when it changes. */
  readonly connectionId: string;
  /** Version of the Zeek there, as its WebSocket server or its greeting tells it; empty or absent: not known. */
  readonly zeekVersion?: string;
  /** Version of the script package there, from its greeting. */
  readonly packageVersion?: string;
}

export interface RowOptions {
  /** Default: `zero`, within V5's record `none`. */
  readonly nullPolicy?: NullPolicy;
  /** Default: `any`. */
  readonly reals?: Reals;
}

export interface RowEncoder {
  (row: ResultRow): TopicEvent | RowProblem;
  /** How the events that it makes are laid out; absent: only it knows. */
  readonly shape?: RowShape;
}

/** What is known of the Bro that gets a notice. */
export interface PeerContext {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Version of our own Zeek package there, as it declared it; empty if it has not. */
  readonly packageVersion: string;
}

/** A request's parameters, in order. */
export type RequestSignature = readonly Parameter[];

export interface Parameter {
  readonly name: string;
  /** Zeek's type, as an event declaration has it. */
  readonly type: string;
}
