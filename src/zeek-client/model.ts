import type { Data } from '../broker/data.ts';
import type { QueryDigest, RowChange, UpdateType } from '../vocabulary/model.ts';

/** A Bro's requests to hosts and their messages, as plain values independent of the vocabulary. */

/** Which hosts a request is for. */
export type Target =
  | { readonly to: 'all' }
  | { readonly to: 'host'; readonly host: string }
  | { readonly to: 'group'; readonly group: string };

/** A query as this Bro wants it answered. */
export interface BroQuery {
  /** Tells it from the Bro's other queries; V5 gives it to the hosts, the others don't. */
  readonly id: string;
  readonly sql: string;
  /** Name of the event that the rows come as. */
  readonly event: string;
  /** Given back with each row, in vocabularies that have it. */
  readonly cookie: string;
  readonly updateType: UpdateType;
  /** Whether the first run of a differential query reports its rows. */
  readonly initialRows: boolean;
  /** Seconds between runs; undefined: run once. */
  readonly interval: number | undefined;
  readonly target: Target;
}

/** A query that the hosts run until it is unsubscribed. */
export type Subscription = BroQuery & { readonly interval: number };

/** What a host announces of itself; undefined what the vocabulary does not have. */
export interface AnnouncedHost {
  readonly id: string;
  readonly groups: readonly string[] | undefined;
  readonly addresses: readonly string[] | undefined;
  readonly hostname: string | undefined;
  readonly version: string | undefined;
  /** V3, V4: the host's Broker endpoint id. */
  readonly peerName: string | undefined;
  /** V5: changes when the host wants all requests to be sent again. */
  readonly helloId: string | undefined;
}

/** A row of a result. Values have Broker's types and no names: that is all that an event carries. */
export interface ReceivedRow {
  readonly host: string;
  readonly event: string;
  readonly change: RowChange;
  /** Whether it says that it is of a differential query's first run (V4, V5). */
  readonly initial: boolean;
  /** Empty where the vocabulary has no cookies. */
  readonly cookie: string;
  readonly values: readonly Data[];
  /** When osquery ran the query, in nanoseconds since the epoch, where the row says so. */
  readonly hostTime: bigint | undefined;
  /** The row's number among all that the host has for this Bro, where the row says so. */
  readonly sequence: bigint | undefined;
  /** The query that it answers, if this Bro asked it. */
  readonly query: BroQuery | undefined;
}

/** What an event from a host means. */
export type HostMessage =
  | { readonly type: 'announced'; readonly host: AnnouncedHost }
  | { readonly type: 'row'; readonly row: ReceivedRow }
  | {
      readonly type: 'notice';
      readonly host: string;
      readonly level: 'log' | 'warning' | 'error';
      readonly text: string;
    }
  /** The host shuts down cleanly. */
  | { readonly type: 'farewell'; readonly host: string }
  /** Which process of ours speaks for the host: two that do so are two hosts with one id. */
  | {
      readonly type: 'instance';
      readonly host: string;
      readonly instanceId: string;
      readonly hostname: string;
    }
  /** The host asks to acknowledge its rows up to this number. */
  | {
      readonly type: 'rowsSent';
      readonly host: string;
      /** Absent from hosts that don't say it. */
      readonly instanceId?: string;
      readonly sequence: bigint;
    }
  /** What the host sends begins anew at the row after the last acknowledgement. */
  | { readonly type: 'runBegins'; readonly host: string; readonly instanceId: string; readonly run: bigint }
  /** Rows that this Bro will never get; 0 where some may be missing. */
  | {
      readonly type: 'gap';
      readonly host: string;
      readonly first: bigint;
      readonly last: bigint;
      readonly rows: bigint;
      readonly reason: string;
    }
  /** Which of this Bro's queries the host holds. */
  | { readonly type: 'queriesHeld'; readonly host: string; readonly held: QueryDigest }
  /** The names of the columns of a query's rows from this host, in the query's order. */
  | {
      readonly type: 'columns';
      readonly host: string;
      readonly event: string;
      readonly cookie: string;
      readonly names: readonly string[];
    }
  /** More on the host, to a Bro with our own Zeek package. */
  | {
      readonly type: 'details';
      readonly host: string;
      readonly hostname: string;
      readonly addresses: readonly string[];
      readonly groups: readonly string[];
      readonly platform: string;
      readonly os: string;
      readonly version: string;
    }
  /** What became of a console's query with that cookie: `done`, `failed` or `note`. */
  | {
      readonly type: 'answered';
      readonly host: string;
      readonly cookie: string;
      readonly outcome: string;
      readonly rows: number;
      readonly text: string;
    }
  /** An event of the vocabulary, or one that was asked for, whose arguments don't fit. */
  | { readonly type: 'malformed'; readonly problem: string };
