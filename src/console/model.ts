import type { UpdateType } from '../vocabulary/model.ts';

/** What a console asks of a Zeek with `osquery/console`, and what it is told. Plain data that survives JSON. */

/** Whom a query is for; all empty: every host. */
export interface Audience {
  readonly hosts: readonly string[];
  readonly groups: readonly string[];
  /** As `10.0.0.0/8`. */
  readonly subnets: readonly string[];
}

export const EVERYBODY: Audience = { hosts: [], groups: [], subnets: [] };

export interface Question extends Audience {
  readonly sql: string;
  /** Seconds between runs; 0: once. */
  readonly interval: number;
  /** Which rows of a query that repeats. */
  readonly updateType: UpdateType;
  /** Milliseconds to wait for the answers of a query that runs once; 0: as long as the Zeek allows. */
  readonly timeout: number;
  /** 0: as many as the Zeek allows. */
  readonly maxRows: number;
}

/** What an item says. Kinds that a console doesn't know are passed over. */
export type ItemKind =
  /** The console is known; `detail` has {@link ZeekFacts}. */
  | 'opened'
  /** The request is not granted; `text` says why. */
  | 'refused'
  /** The host was asked; `text` is its name. `all-asked` follows the last. */
  | 'asked'
  | 'all-asked'
  /** A row, a JSON object as `text`; `number` is the row's among all of its host, `at` when osquery ran the query. */
  | 'row'
  | 'added'
  | 'removed'
  /** The host has answered; `number` is how many rows it has. */
  | 'done'
  /** The host refuses the query, or could not run it; `text` says why. */
  | 'failed'
  /** The host is not there to be asked. */
  | 'absent'
  /** The host has disconnected before it answered; it may come back. */
  | 'lost'
  /** A host's remark on the query. */
  | 'note'
  /** The query has ended; `text` says why. */
  | 'ended'
  /** Of lists: a host (`detail`: {@link HostFacts}), a query (`text`: its SQL, `detail`: {@link QueryFacts}). */
  | 'host'
  | 'query'
  | 'activity'
  | 'warning'
  | 'error'
  | 'complete';

export interface Item {
  readonly request: string;
  readonly kind: ItemKind;
  readonly host: string;
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly text: string;
  readonly detail: string;
}

/** What a console may ask for as a list; `host` with an id. */
export type ListName = 'hosts' | 'host' | 'queries' | 'activity';

export type ConsoleRequest =
  | {
      readonly type: 'open';
      readonly client: string;
      readonly user: string;
      readonly version: string;
    }
  | { readonly type: 'alive'; readonly client: string; readonly received: number }
  | { readonly type: 'close'; readonly client: string }
  | {
      readonly type: 'ask';
      readonly client: string;
      readonly request: string;
      readonly question: Question;
    }
  | { readonly type: 'stop'; readonly client: string; readonly request: string; readonly reason: string }
  | {
      readonly type: 'list';
      readonly client: string;
      readonly request: string;
      readonly what: ListName;
      readonly host: string;
    };

/** What the Zeek is and allows. */
export interface ZeekFacts {
  /** Version of its package. */
  readonly package: string;
  /** `osquery::endpoint_name`. */
  readonly name: string;
  readonly queries: boolean;
  readonly subscriptions: boolean;
  readonly maxRows: number;
  /** 0: any number. */
  readonly maxHosts: number;
  /** Seconds. */
  readonly minInterval: number;
}

/** What a Zeek knows of a host. */
export interface HostFacts {
  readonly id: string;
  /** Empty: it has told none. */
  readonly name: string;
  readonly addresses: readonly string[];
  /** With those that enclose them. */
  readonly groups: readonly string[];
  readonly platform: string;
  readonly os: string;
  /** Of its extension. */
  readonly version: string;
  readonly connected: boolean;
  /** Milliseconds since the epoch; null: not known. */
  readonly since: number | null;
  readonly lastSeen: number;
  /** The gateway that it comes through; empty: none. */
  readonly gateway: string;
  /** Rows that it has sent, and a second; null: nobody has counted them. */
  readonly rows: number | null;
  readonly rate: number | null;
  /** Seconds from osquery's run to the Zeek, by the host's clock; null: not known. */
  readonly lag: number | null;
  readonly warnings: number;
}

/** A query that somebody wants of hosts. */
export interface QueryFacts {
  readonly sql: string;
  readonly event: string;
  /** An update type, or `once`. */
  readonly update: string;
  /** Seconds; 0: once. */
  readonly interval: number;
  readonly target: string;
  readonly wantedBy: readonly string[];
  /** Rows that have come as its event; null: not known. */
  readonly rows: number | null;
}

/** How busy the whole is. */
export interface ActivityFacts {
  readonly hosts: number;
  readonly connected: number;
  readonly gateways: number;
  readonly consoles: number;
  readonly subscriptions: number;
  /** Rows that have come since the Zeek started; null: not known. */
  readonly rows: number | null;
  /** Warnings and errors of hosts. */
  readonly warnings: number;
  /** Seconds; null: not known. */
  readonly lagMedian: number | null;
  readonly lagMost: number | null;
}
