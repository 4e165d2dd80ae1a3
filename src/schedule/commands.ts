import type {
  Audience,
  Column,
  Query,
  QueryMatch,
  RepeatedQuery,
  VocabularyId,
} from '../vocabulary/model.ts';
import type { Evidence, OsquerydProcess } from './breaker.ts';
import type { Cause } from './events.ts';
import type { Translation } from './translation.ts';

/**
 * What can be asked of the schedule: imperative, and not yet so. `at` is the time in milliseconds since the
 * epoch; commands that a Bro's request is behind name it as their `cause`.
 */
export type Command =
  | ExtensionCommand
  | BroCommand
  | QueryCommand
  | ExecutionCommand
  | GroupCommand
  | ObservationCommand;

/** A Bro: the address that it is configured under. */
export type PeerId = string;

interface Timed {
  readonly at: number;
}

interface Caused extends Timed {
  readonly cause: Cause;
  readonly peer: PeerId;
}

type ExtensionCommand =
  /**
   * We start. `logId` is random; it becomes the log's id when there is none yet, or when `renewNames` says that
   * the log may have lost facts which had their effect (a log that isn't synced before each effect).
   */
  | (Timed & {
      readonly type: 'StartExtension';
      readonly logId: string;
      readonly renewNames: boolean;
      readonly instanceId: string;
      readonly version: string;
    })
  | (Timed & { readonly type: 'StopExtension'; readonly reason: string });

type BroCommand =
  /** These are the Bros of the configuration; those no longer among them lose what they asked for. */
  | (Timed & { readonly type: 'ConfigureBros'; readonly peers: readonly PeerId[] })
  /** A Bro is there. From now on it has the resync window to repeat what it wants. */
  | (Timed & {
      readonly type: 'ConnectBro';
      readonly peer: PeerId;
      readonly incarnation: string;
      readonly transport: string;
    })
  | (Timed & { readonly type: 'LoseBro'; readonly peer: PeerId; readonly reason: string })
  /** The resync window is over. */
  | (Timed & { readonly type: 'CompleteResync'; readonly peer: PeerId })
  /** The Bro stayed away too long. */
  | (Timed & { readonly type: 'ExpireBro'; readonly peer: PeerId })
  /** A Zeek instance behind the Bro says hello (V5), once or again and again. */
  | (Caused & { readonly type: 'GreetBro'; readonly zeekInstance: string })
  /** It shut down, or has sent no hello for too long (then no request is behind it). */
  | (Timed & {
      readonly type: 'FarewellBro';
      readonly peer: PeerId;
      readonly cause: Cause | null;
      readonly zeekInstance: string;
      readonly reason: string;
    });

type QueryCommand =
  /** `columns` as osquery described them for the SQL, `tables` what the SQL reads. */
  | (Caused & {
      readonly type: 'Subscribe';
      readonly incarnation: string;
      readonly audience: Audience;
      readonly query: RepeatedQuery;
      readonly columns: readonly Column[];
      readonly tables: readonly string[];
      readonly translation?: Translation | undefined;
    })
  /** The caller found that the query can't run: osquery refuses the SQL, the log takes nothing, … */
  | (Caused & {
      readonly type: 'RefuseQuery';
      readonly request: 'subscribe' | 'execute';
      readonly query: Query | RepeatedQuery;
      readonly reason: { readonly code: string; readonly text: string };
    })
  | (Caused & {
      readonly type: 'Unsubscribe';
      readonly vocabulary: VocabularyId;
      readonly match: QueryMatch;
    })
  /**
   * A Zeek instance says that it wants these queries of that vocabulary and no other. What it holds beside them
   * ends; what it lacks of them is subscribed one by one (see `unheld`), since osquery has to be asked first.
   */
  | (Caused & {
      readonly type: 'NarrowToDesiredQueries';
      readonly vocabulary: VocabularyId;
      readonly zeekInstance: string;
      readonly queries: readonly RepeatedQuery[];
    });

type ExecutionCommand =
  | (Caused & {
      readonly type: 'Execute';
      readonly incarnation: string;
      readonly audience: Audience;
      readonly query: Query;
      readonly columns: readonly Column[];
      readonly tables: readonly string[];
      readonly translation?: Translation | undefined;
    })
  /** `error` empty: its `rows` rows are in the journal. */
  | (Timed & {
      readonly type: 'CompleteExecution';
      readonly name: string;
      readonly rows: number;
      readonly error: string;
    });

type GroupCommand =
  /** These are the groups of the configuration; no Bro can have the host leave them. */
  | (Timed & { readonly type: 'ConfigureGroups'; readonly groups: readonly string[] })
  | (Caused & { readonly type: 'Join'; readonly group: string })
  | (Caused & { readonly type: 'Leave'; readonly group: string });

type ObservationCommand =
  /** osquery runs the schedule with this hash. */
  | (Timed & { readonly type: 'RecordScheduleApplied'; readonly hash: string; readonly entries: number })
  | (Timed & { readonly type: 'RecordScheduleRefused'; readonly hash: string; readonly reason: string })
  /** This osqueryd has us registered; if it is another one than the last, that one has ended. */
  | (Timed & {
      readonly type: 'RecordOsqueryd';
      readonly osqueryd: OsquerydProcess;
      readonly evidence: Evidence;
    })
  /** osqueryd tells us to end, for it does so itself. */
  | (Timed & { readonly type: 'RecordOsquerydStopping' })
  /** It is time to look at what is left out of the schedule (see `reviewDue`). */
  | (Timed & { readonly type: 'ReviewSuspensions' })
  /**
   * osquery tells the columns of a subscription anew. `peer` and `query` are those of the subscription, for whoever has
   * to tell its Bro.
   */
  | (Timed & {
      readonly type: 'RecordColumns';
      readonly name: string;
      readonly peer: PeerId;
      readonly query: RepeatedQuery;
      readonly columns: readonly Column[];
      readonly tables: readonly string[];
      readonly translation?: Translation | undefined;
    })
  /** osquery could not run a query of the schedule, and says why. */
  | (Timed & { readonly type: 'RecordFailure'; readonly name: string; readonly text: string })
  /** osquery has run it since it last failed. */
  | (Timed & { readonly type: 'RecordRecovery'; readonly name: string })
  /** osquery's watchdog stopped a query, or lets it run again. */
  | (Timed & { readonly type: 'RecordDenylisted'; readonly name: string; readonly denylisted: boolean })
  /** Rows went from the journal before their Bro had them. */
  | (Timed & {
      readonly type: 'RecordDrop';
      readonly peer: PeerId;
      readonly rows: number;
      readonly reason: string;
    });

/** The command of that type. */
export type CommandOf<T extends Command['type']> = Extract<Command, { readonly type: T }>;
