/**
 * The domain's model: what a Bro may ask of a host and what a host tells a Bro, independent of any vocabulary's
 * spelling and of Broker's types. Everything here is plain data that survives JSON.
 */

/** The dialects that Zeek scripts speak, oldest first (V1 to V5). */
export const VOCABULARY_IDS = [
  'bro-2017-01',
  'bro-2017-02',
  'zeek-osquery',
  'zeek-agent-1',
  'zeek-agent-2',
] as const;
export type VocabularyId = (typeof VOCABULARY_IDS)[number];

/** Whose tables a query names: osquery's, or those of Zeek Agent 1 or 2 besides, which are made here. */
export type Dialect = 'osquery' | 'zeek-agent-1' | 'zeek-agent-2';

export function dialectOf(vocabulary: VocabularyId): Dialect {
  return vocabulary === 'zeek-agent-1' || vocabulary === 'zeek-agent-2' ? vocabulary : 'osquery';
}

/** Which rows of a query a Bro wants: differences of one or both kinds, or all rows at each run. */
export const UPDATE_TYPES = ['ADDED', 'REMOVED', 'BOTH', 'SNAPSHOT'] as const;
export type UpdateType = (typeof UPDATE_TYPES)[number];

/** What a single row says of itself. */
export type RowChange = 'ADDED' | 'REMOVED' | 'SNAPSHOT';

/** osquery's column types, as `getQueryColumns` names them. */
export const COLUMN_TYPES = [
  'TEXT',
  'INTEGER',
  'BIGINT',
  'UNSIGNED BIGINT',
  'DOUBLE',
  'BLOB',
  'UNKNOWN',
] as const;
export type ColumnType = (typeof COLUMN_TYPES)[number];

/** Types of Zeek that a value can have; `port` and whatever else osquery has no column for are missing. */
export const SCALAR_TYPES = ['addr', 'bool', 'count', 'double', 'int', 'interval', 'string', 'time'] as const;
export type ScalarType = (typeof SCALAR_TYPES)[number];

/** A type of Zeek that a script declares for a column. */
export type ZeekType =
  | ScalarType
  | { readonly set: ScalarType }
  /** The record's fields in order. */
  | { readonly record: readonly ScalarType[] };

/** A column of a result, in the query's order. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** What the Bro's scripts have it as, where their tables say that: then NULL is an unset field. */
  readonly zeek?: ZeekType | undefined;
  /** Whether an empty text is NULL too. */
  readonly emptyIsUnset?: boolean | undefined;
}

/** What to send for osquery's NULL in a numeric column: 0, Broker's `none`, or not the row at all. */
export const NULL_POLICIES = ['zero', 'none', 'skip_row'] as const;
export type NullPolicy = (typeof NULL_POLICIES)[number];

/** Which reals the way to the Bro has a form for: JSON (WebSocket, NATS) has none for infinity and NaN. */
export type Reals = 'any' | 'finite';

/** A query as a Bro requested it, in whatever vocabulary. */
export interface Query {
  readonly vocabulary: VocabularyId;
  /** Name of the Zeek event that takes the rows. */
  readonly event: string;
  readonly sql: string;
  /** The Bro's own string, returned with each row; empty if it gave none. */
  readonly cookie: string;
  /** Topic for the rows; never empty: where the Bro named none, the vocabulary's rule has filled it in. */
  readonly responseTopic: string;
  readonly updateType: UpdateType;
  /** Whether the rows of the first run of a differential query are wanted. */
  readonly initialRows: boolean;
  /** The Bro's id for the query, in vocabularies that have one (V5), else empty. */
  readonly queryId: string;
  /** The Zeek instance that asked, in vocabularies in which several speak through one Bro (V5), else empty. */
  readonly zeekInstance: string;
}

/** A query that runs repeatedly, each `interval` seconds. */
export interface RepeatedQuery extends Query {
  readonly interval: number;
}

/** How a vocabulary says which of its subscriptions it means. */
export type QueryMatch =
  | { readonly by: 'sql'; readonly sql: string }
  | {
      readonly by: 'identity';
      readonly event: string;
      readonly sql: string;
      readonly cookie: string;
      readonly updateType: UpdateType;
      readonly interval: number;
    }
  | { readonly by: 'queryId'; readonly queryId: string; readonly zeekInstance: string }
  | { readonly by: 'zeekInstance'; readonly zeekInstance: string };

/** Whom the Bro addressed when it sent a request: every host, this one, or the members of a group. */
export type Audience =
  | { readonly to: 'all' }
  | { readonly to: 'host' }
  | { readonly to: 'group'; readonly group: string };

/** A request of a Bro, understood. */
export type Request =
  | {
      readonly type: 'subscribe';
      readonly query: RepeatedQuery;
      /** Tables without which the query is ignored silently (V5). */
      readonly requiresTables: readonly string[];
      /** Tables with any of which the query is ignored silently (V5). */
      readonly ifMissingTables: readonly string[];
    }
  | {
      readonly type: 'execute';
      readonly query: Query;
      readonly requiresTables: readonly string[];
      readonly ifMissingTables: readonly string[];
    }
  | { readonly type: 'unsubscribe'; readonly vocabulary: VocabularyId; readonly match: QueryMatch }
  | { readonly type: 'join'; readonly vocabulary: VocabularyId; readonly group: string }
  | { readonly type: 'leave'; readonly vocabulary: VocabularyId; readonly group: string }
  /** The Bro's hello (V5), at start and then periodically; when it stops, its queries end. */
  | {
      readonly type: 'greet';
      readonly vocabulary: VocabularyId;
      readonly zeekInstance: string;
      /** Of Zeek, `8.0.10`. */
      readonly zeekVersion: string;
      /** Of the script package there; empty if it doesn't know. */
      readonly packageVersion: string;
    }
  /** The Bro shuts down cleanly (V5): its queries end. */
  | { readonly type: 'farewell'; readonly vocabulary: VocabularyId; readonly zeekInstance: string }
  /** All queries that the Bro desires on this host: these of this vocabulary and no other (our own Zeek package). */
  | {
      readonly type: 'desiredQueries';
      readonly vocabulary: VocabularyId;
      readonly zeekInstance: string;
      readonly queries: readonly RepeatedQuery[];
    };

/** What a Bro says that asks for nothing: nobody has to decide on it, and it never waits behind requests. */
export type Statement = Receipt | Declaration | ColumnsWanted;

/** What the Bro's scripts say of rows that were sent (our own Zeek package). */
export type Receipt = Acknowledgement | ResendRequest;

/** The Bro's scripts have taken in all rows up to and with this sequence number (our own Zeek package). */
export interface Acknowledgement {
  readonly type: 'acknowledge';
  readonly vocabulary: VocabularyId;
  /** The host's instance that it is meant for; absent from packages before 1.1.0, which don't know it. */
  readonly instanceId?: string;
  readonly sequence: number;
}

/**
 * What was sent in this run is not all there: all rows after the last acknowledgement are to be sent again, in a new run.
 * Since version 1.2.0 of the package.
 */
export interface ResendRequest {
  readonly type: 'resend';
  readonly vocabulary: VocabularyId;
  readonly instanceId: string;
  readonly run: number;
}

/** Rows that a host has sent to a Bro since it asked for an acknowledgement last. */
export interface SentRows {
  /** 0 on a new connection, then one more each time that the host begins anew at the row after the last acknowledgement. */
  readonly run: number;
  /** All rows up to and with this number have been sent. */
  readonly upTo: number;
  /** How many in this run since the last question, by the query's cookie. */
  readonly rows: ReadonlyMap<string, number>;
}

/**
 * The Bro runs our own Zeek package and says how many queries it desires on this host, again and again.
 * Compare with what the host holds ({@link file://./query-digest.ts}) and answer with that (`queriesHeld`).
 */
export interface Declaration {
  readonly type: 'declare';
  readonly vocabulary: VocabularyId;
  readonly zeekInstance: string;
  readonly packageVersion: string;
  readonly desired: QueryDigest;
}

/** The Bro wants to know the names of its queries' columns ({@link file://./query-columns.ts}). */
export interface ColumnsWanted {
  readonly type: 'columnsWanted';
  readonly vocabulary: VocabularyId;
  /** Where it wants them. */
  readonly topic: string;
}

/** How many queries a Bro wants of a host, and a hash over them (SHA-256, hexadecimal). */
export interface QueryDigest {
  readonly size: number;
  readonly hash: string;
}

/** The result of decoding a Zeek event on one of our topics. */
export type Decoded =
  | {
      readonly outcome: 'request';
      readonly request: Request;
      readonly audience: Audience;
      readonly topic: string;
    }
  | {
      readonly outcome: 'statement';
      readonly statement: Statement;
      readonly audience: Audience;
      readonly topic: string;
    }
  /** Meant for us, but not as the vocabulary says; `problem` names what was expected and what came. */
  | {
      readonly outcome: 'malformed';
      readonly vocabulary: VocabularyId;
      readonly topic: string;
      readonly problem: string;
    };

/** This host, as vocabularies introduce it. */
export interface Host {
  /** Stable id of the host in topics and events. */
  readonly id: string;
  readonly hostname: string;
  /** Textual IP addresses of its interfaces, without zones. */
  readonly addresses: readonly string[];
  /** The groups it is in now, as configured or joined (not their ancestors). */
  readonly groups: readonly string[];
  /** Our Broker endpoint id, a UUID string. */
  readonly endpointId: string;
  /** A random id, new at each start of ours. */
  readonly instanceId: string;
  readonly agentVersion: string;
  readonly platform: string;
  readonly osName: string;
  readonly kernelName: string;
  readonly kernelVersion: string;
  readonly kernelArch: string;
  /** Seconds. */
  readonly uptime: number;
  /** Names of the tables that this osquery has. */
  readonly tables: readonly string[];
}

/** A message of a host to a Bro beside rows. */
export interface Notice {
  readonly level: 'log' | 'warning' | 'error';
  readonly text: string;
  /** The query it is about, where it is about one. */
  readonly query?: Query;
  /** The notice says that the query, a one-time one, has been answered with so many rows. */
  readonly rows?: number;
}

/** A row of a query's result, as osquery reported it. */
export interface ResultRow {
  readonly change: RowChange;
  /** Whether it comes from the first run of a differential query. */
  readonly initial: boolean;
  /** When osquery ran the query, in seconds since the epoch. */
  readonly unixTime: number;
  /** Value by column name, each as osquery's text; empty in a numeric column: NULL. */
  readonly columns: Readonly<Record<string, string>>;
  /** The row's number in what this host has for this Bro; absent for a Bro that can't acknowledge. */
  readonly sequence?: number;
}

/** Rows that a Bro will never get: numbers `first` to `last` in its sequence. */
export interface Gap {
  readonly first: number;
  readonly last: number;
  /** 0 where all there is is `unseen`. */
  readonly rows: number;
  readonly reason: string;
  /** In that time osquery may have had rows that nobody took: they have no numbers, and none may be missing. */
  readonly unseen?: TimeSpan;
}

/** Milliseconds since the epoch. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}
