import type { Evidence, OsquerydProcess } from '../schedule/breaker.ts';
import type { Policy } from '../schedule/policy.ts';
import type { RenderedSchedule } from '../schedule/render.ts';
import type { Subscription } from '../schedule/schedule.ts';
import { token } from '../text/subject-token.ts';
import type { Audience, Host, Notice, Request } from '../vocabulary/model.ts';

/**
 * The catalogue of messages that actors exchange. Each is plain data that survives JSON. Rows never travel
 * here (they go from journal to courier to connection), only the news of them. A peer is a Bro, named by its
 * configured address.
 */
export type BusMessage =
  | ExtensionMessage
  | OsqueryMessage
  | BackfillMessage
  | LoggerMessage
  | ScheduleMessage
  | ExecutionMessage
  | EndpointMessage
  | PeerMessage
  | CourierMessage;

/** What the bus adds to a message. */
interface Stamp {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The message's place in the bus's order. */
  readonly sequence: number;
  /** See {@link subjectOf}. */
  readonly subject: string;
}

/** A message as its subscribers see it. */
export type Published = BusMessage & Stamp;

/** One kind of message, as published. */
export type MessageOf<T extends BusMessage['type']> = Extract<BusMessage, { readonly type: T }> & Stamp;

/** What actors need to know of the configuration. */
export interface Configuration {
  /** The Bros, by address. */
  readonly peers: readonly string[];
  /** The groups that the host is in whatever Bros ask. */
  readonly groups: readonly string[];
  /** What a Bro may ask for. */
  readonly policy: Policy;
}

type ExtensionMessage =
  /** The extension ends in good order: everybody finishes what is at hand. */
  { readonly type: 'extension.draining'; readonly reason: string };

type OsqueryMessage =
  /**
   * A configuration was read and is good; `peers` are the Bros' addresses, `changed` those whose connections are to be
   * made anew. Secrets stay outside the bus.
   */
  | ({ readonly type: 'osquery.configured'; readonly changed: readonly string[] } & Configuration)
  /** A configuration was read and is not good; the last good one stays in force. */
  | { readonly type: 'osquery.config-refused'; readonly problems: readonly string[] }
  /** osqueryd's manager has registered us under this uuid. */
  | { readonly type: 'osquery.registered'; readonly uuid: string }
  | { readonly type: 'osquery.lost'; readonly reason: string }
  /** Which osqueryd has us registered, and what can be found of how the one before it ended. */
  | {
      readonly type: 'osquery.identified';
      readonly osqueryd: OsquerydProcess;
      readonly evidence: Evidence;
    }
  /** osqueryd requested our shutdown. */
  | { readonly type: 'osquery.shutdown' }
  /** The host as osquery describes it: at start, and whenever that has changed. */
  | { readonly type: 'osquery.host'; readonly host: Host }
  /** osquery runs the schedule with this hash. */
  | { readonly type: 'osquery.schedule-applied'; readonly hash: string; readonly entries: number }
  | { readonly type: 'osquery.schedule-refused'; readonly hash: string; readonly reason: string }
  /** Rows of that subscription have come with other columns than it has: osquery is to be asked again. */
  | { readonly type: 'osquery.columns-doubted'; readonly name: string }
  /** It is time to ask osquery for the columns of all subscriptions again: changes of views are not announced. */
  | { readonly type: 'osquery.columns-due' }
  /** osquery could not run one of our schedule entries; repeated at each run. */
  | { readonly type: 'osquery.query-failed'; readonly name: string; readonly text: string }
  /** It has run since it last failed. */
  | { readonly type: 'osquery.query-works'; readonly name: string }
  /** osquery's watchdog has stopped a schedule entry of ours, or lets it run again. */
  | { readonly type: 'osquery.denylisted'; readonly name: string; readonly denylisted: boolean };

type BackfillMessage =
  /**
   * What osqueryd logged while it could not tell us is taken, so many rows, and what may not be had is declared; null: all
   * could. Times in milliseconds since the epoch.
   */
  {
    readonly type: 'backfill.completed';
    readonly rows: number;
    readonly loss: { readonly from: number; readonly to: number; readonly reason: string } | null;
  };

type LoggerMessage =
  /** osqueryd has chosen us as a logger; `by` is what it calls itself. */
  | { readonly type: 'logger.attached'; readonly by: string }
  /** Coalesced: what osquery has handed over since our start, all of it in the journal. */
  /**
   * Calls of osquery's logger since our start, and how many milliseconds they took until they were answered;
   * `longest`: of those since the last of these messages.
   */
  | {
      readonly type: 'logger.progress';
      readonly calls: number;
      readonly bytes: number;
      readonly milliseconds: number;
      readonly longest: number;
    }
  /** The journal takes nothing: osquery is still answered OK, and what it hands over is lost, counted and declared. */
  | { readonly type: 'logger.degraded'; readonly reason: string }
  | { readonly type: 'logger.recovered'; readonly lost: number };

type ScheduleMessage =
  /** What osquery should run has changed: all of it, and the difference. */
  | ({
      readonly type: 'schedule.changed';
      readonly entries: number;
      readonly added: readonly Subscription[];
      /** Names of osquery's schedule entries. */
      readonly removed: readonly string[];
    } & RenderedSchedule)
  /** It is decided what is left out of the schedule for the osqueryd with that pid; what has changed was told before. */
  | { readonly type: 'schedule.reviewed'; readonly pid: number }
  /** The groups that this host is in have changed. */
  | { readonly type: 'schedule.groups'; readonly groups: readonly string[] }
  /** The event log takes nothing: requests are refused until it recovers. */
  | { readonly type: 'schedule.blocked'; readonly reason: string };

type ExecutionMessage =
  | { readonly type: 'execution.started'; readonly name: string; readonly peer: string }
  /** The rows of a one-time query are in the journal, or `error` says why there are none. */
  | {
      readonly type: 'execution.finished';
      readonly name: string;
      readonly peer: string;
      readonly rows: number;
      readonly error: string;
    };

type EndpointMessage =
  /** The endpoint knows its id and its Bros. */
  { readonly type: 'endpoint.opened'; readonly endpointId: string; readonly peers: readonly string[] };

type PeerMessage =
  | {
      readonly type: 'peer.up';
      readonly peer: string;
      readonly incarnation: string;
      readonly transport: string;
      readonly authenticated: boolean;
    }
  /** `retryIn` in milliseconds; null when it is over for good. */
  | {
      readonly type: 'peer.down';
      readonly peer: string;
      readonly code: string;
      readonly reason: string;
      readonly retryIn: number | null;
    }
  /** The Bro has not answered for a while, or does again. */
  | { readonly type: 'peer.suspect'; readonly peer: string; readonly suspect: boolean }
  /** A Bro asked for something. `requestId` counts this peer's requests since our start. */
  | {
      readonly type: 'peer.request';
      readonly peer: string;
      readonly incarnation: string;
      readonly requestId: number;
      readonly request: Request;
      readonly audience: Audience;
    }
  /** Something came in that is no request, or the transport complained. */
  | { readonly type: 'peer.problem'; readonly peer: string; readonly problem: string }
  /** A notice to a Bro in its vocabulary: a refusal, a gap, a warning. */
  | { readonly type: 'peer.tell'; readonly peer: string; readonly notice: Notice }
  /** The resync window after a (re)connect is over: what was not asked again ends. */
  | { readonly type: 'peer.resynced'; readonly peer: string }
  /** The Bro was away for longer than its subscriptions are kept. */
  | { readonly type: 'peer.expired'; readonly peer: string };

type CourierMessage =
  /**
   * Coalesced: how far a Bro is, in rows since our start; `pending` are in the journal and not confirmed, the oldest
   * of them since `oldestAt` (milliseconds since the epoch, null if there is none).
   */
  | {
      readonly type: 'courier.progress';
      readonly peer: string;
      readonly taken: number;
      readonly pending: number;
      readonly sent: number;
      readonly confirmed: number;
      readonly dropped: number;
      readonly oldestAt: number | null;
    }
  /** Rows that a Bro should have had and never will. */
  | {
      readonly type: 'courier.dropped';
      readonly peer: string;
      readonly rows: number;
      readonly reason: string;
    };

/** The subject of a message: its type, with the peer or query it is about as a token in the middle. */
export function subjectOf(message: BusMessage): string {
  const [area, news] = message.type.split('.');
  if ('name' in message) return `${area}.${token(message.name)}.${news}`;
  if ('peer' in message) return `${area}.${token(message.peer)}.${news}`;
  return message.type;
}
