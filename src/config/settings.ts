import type { EndpointAddress } from '../broker/address.ts';
import type { TlsSettings } from '../broker/tls.ts';
import type { NatsSettings } from '../nats/settings.ts';
import type { Policy } from '../schedule/policy.ts';
import type { NullPolicy } from '../vocabulary/model.ts';
import type { VocabularyOptions } from '../vocabulary/vocabularies.ts';

/** One Bro that the configuration names. */
export interface EndpointSettings {
  /**
   * Its address in one spelling: what the Bro is known by. Behind a NATS server, where each prefix of subjects is
   * another Bro, a prefix other than the default follows: `nats://host:4222/prefix`.
   */
  readonly peer: string;
  readonly address: EndpointAddress;
  /** Other ways to the same Zeek (gateways, say), tried when this one is gone. */
  readonly alternatives: readonly EndpointAddress[];
  readonly tls: TlsSettings;
  /** Only of use where the address is a NATS server's. */
  readonly nats: NatsSettings;
}

/** The configuration in force: the key `bro`, checked, with every default filled in. */
export interface Settings {
  readonly endpoints: readonly EndpointSettings[];
  /** The host's id as configured; empty: found out. */
  readonly uid: string;
  readonly groups: readonly string[];
  /** Folder of the event log, the journal and the cursors; empty: the command line's, or the default. */
  readonly stateDirectory: string;
  readonly policy: Policy;
  /** The most rows of one result that a Bro gets. */
  readonly rowsPerResult: number;
  readonly journal: JournalSettings;
  readonly eventLog: EventLogSettings;
  /** Longest frame or message that a Zeek may send, in bytes. */
  readonly maxFrame: number;
  readonly vocabularies: VocabularyOptions;
  /** Undefined: each vocabulary's own default. */
  readonly nullPolicy: NullPolicy | undefined;
  /** Whether the tables `bro_*` are registered with osquery. */
  readonly tables: boolean;
  /** Least severe of osquery's own status lines that Bros are told; `off`: none. */
  readonly forwardStatus: 'off' | 'info' | 'warning' | 'error';
  /** Whether rows of event tables are sent at the moment of the event, not first when the schedule brings them. */
  readonly eventsAtOnce: boolean;
  /** How one-time queries run: by the manager's `query`, or by osquery's distributed machinery and its watchdog. */
  readonly oneTimeQueries: 'query' | 'distributed';
}

export interface EventLogSettings {
  /** Milliseconds that records are kept for debugging once a snapshot has what they said. */
  readonly age: number;
  /** `interval`: what was logged within the last second may be lost in a power cut, never when the process dies. */
  readonly fsync: 'always' | 'interval';
}

export interface JournalSettings {
  readonly maxBytes: number;
  /** Milliseconds. */
  readonly maxAge: number;
  readonly fsync: 'always' | 'interval' | 'never';
}
