import type { OnLeftOut } from '../broker/connection.ts';
import type { TopicEvent, ZeekEvent } from '../broker/zeek-event.ts';
import type { Column, Gap, Query, SentRows } from '../vocabulary/model.ts';
import type { RowEncoder } from '../vocabulary/vocabulary.ts';

/** A query whose rows go to a Bro: a subscription or a one-time query. */
export interface Deliverable {
  /** Its name in osquery's schedule; never reused. */
  readonly name: string;
  readonly peer: string;
  readonly query: Query;
  readonly columns: readonly Column[];
  /** Whether its rows are osquery's events, of which none are initial whatever the counter says. */
  readonly eventBased?: boolean;
  /** Milliseconds since the epoch. osquery forgets what hasn't run for a week and begins a new count: not initial. */
  readonly subscribedAt?: number;
}

/** The header of an entry of kind `execution`; its payload is the answer's rows as a JSON array. */
export interface ExecutionHeader extends Deliverable {
  /** When osquery ran the query, in seconds since the epoch. */
  readonly unixTime: number;
}

/** What osquery handed over: a payload as it came, or the answer to a one-time query, see `answer.ts`. */
export type Handover =
  | { readonly kind: 'log' | 'event'; readonly header: null; readonly payload: Uint8Array }
  | { readonly kind: 'execution'; readonly header: ExecutionHeader; readonly payload: Uint8Array };

/** The part of a connection to a Bro that the courier uses. */
export interface Link {
  /** Resolves when the transport takes more, having reported what it did not send; rejects once the link is down. */
  send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void>;
  /** Resolves when the peer has taken in all that was sent before; rejects once the link is down. */
  confirm(): Promise<void>;
}

/** Something an operator may want to know. */
export type DeliveryReport =
  /** A row can't be sent; `rows` counts those of the subscription since the last report. */
  | {
      readonly type: 'row-problem';
      readonly peer: string;
      readonly name: string;
      readonly problem: string;
      readonly rows: number;
    }
  /** Rows have other columns than their query, which osquery is to be asked for again. */
  | {
      readonly type: 'columns-changed';
      readonly peer: string;
      readonly name: string;
      readonly problem: string;
      readonly rows: number;
    }
  /** A result was longer than a Bro may get; the rest of it is left out. */
  | {
      readonly type: 'result-cut';
      readonly peer: string;
      readonly name: string;
      readonly rows: number;
      readonly limit: number;
    }
  /** A malformed result line from osquery. */
  | {
      readonly type: 'malformed-line';
      readonly problem: string;
      readonly offset: number;
      /** See MalformedLog. */
      readonly columns?: readonly string[];
    }
  /** The journal didn't take an entry. */
  | { readonly type: 'refused'; readonly reason: string; readonly message: string; readonly rows: number }
  /** Rows that the Bro will never get, by name of the query; unknown for rows that were never received. */
  | {
      readonly type: 'gap';
      readonly peer: string;
      readonly gap: Gap;
      readonly names: Readonly<Record<string, number>>;
    }
  /** A stretch of the journal can't be read. */
  | { readonly type: 'damaged'; readonly stretches: number }
  /** The journal can't be read or trimmed; it is tried again. */
  | { readonly type: 'journal-trouble'; readonly message: string }
  /** A link failed while it was used; the courier has detached it and waits for another. */
  | { readonly type: 'link-failed'; readonly peer: string; readonly message: string }
  /** The scripts of a Bro that counts rows miss some, or have not answered: all that it has not acknowledged is sent again. */
  | { readonly type: 'rows-missing'; readonly peer: string; readonly run: number }
  /** The scripts of a Bro that acknowledges have stopped to; the transport's confirmation counts again. */
  | { readonly type: 'acknowledgements-missing'; readonly peer: string };

export interface CourierPorts {
  /** The query whose rows carry the name, if it still runs. */
  lookup(name: string): Deliverable | undefined;
  /** What turns the query's rows into events; asked for once while the deliverable stays the same object. */
  encoderOf(deliverable: Deliverable): RowEncoder;
  /** Which subscriptions an event satisfies that osquery reports as it happens, and the row each gets. */
  matchEvent?(
    columns: Readonly<Record<string, string>>,
  ): readonly { readonly name: string; readonly columns: Readonly<Record<string, string>> }[];
  /** The most rows of one result that the Bro gets; Infinity for all. */
  rowsPerResult(peer: string): number;
  /**
   * For a Bro whose scripts acknowledge: the event that asks them to, once they have handled all that was sent (its
   * answer goes to `Courier.acknowledge` or `Courier.sendAgain`). Undefined for others: their transport's confirmation
   * counts.
   */
  marker(peer: string, sent: SentRows): TopicEvent | undefined;
  /** For a Bro whose scripts count rows: the event before the first row of a run. Undefined for others. */
  beginning(peer: string, run: number): TopicEvent | undefined;
  /** Tells the Bro how the query's columns are called, before their first row; undefined where it doesn't want to know. */
  columnNames?(deliverable: Deliverable): TopicEvent | undefined;
  /** Whether the query has had the row through {@link matchEvent}; its schedule then brings it a second time. */
  wasSentAsEvent?(name: string, columns: Readonly<Record<string, string>>): boolean;
  /**
   * Reports a gap to a connected Bro. Resolves with whether its vocabulary can express it, given what the
   * Bro has declared; if so, the gap is forgotten once the link has confirmed it. Rejects where the
   * link is gone.
   */
  notifyGap(peer: string, gap: Gap): Promise<boolean>;
  report(report: DeliveryReport): void;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back after milliseconds; returns what cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
  /** Yields the thread: resolves after everything else that is due, answers to osquery first. */
  yieldControl(): Promise<void>;
}

export interface CourierLimits {
  /** Events that go out with one call of `send`, and their bytes in osquery's JSON. */
  readonly batchRows: number;
  readonly batchBytes: number;
  /** Milliseconds after some rows in which those that come are gathered, to go out together. */
  readonly gatherTime: number;
  /** Rows and bytes that may be sent and not confirmed. */
  readonly windowRows: number;
  readonly windowBytes: number;
  /** Bytes of recent entries that are kept for those who haven't read them yet. */
  readonly recentBytes: number;
  /** Milliseconds that a Bro's scripts may take to acknowledge; then the transport's confirmation counts, which is reported. */
  readonly acknowledgeGrace: number;
  /** Milliseconds between two reports of one subscription's row problems. */
  readonly problemInterval: number;
}

export const DEFAULT_LIMITS: CourierLimits = {
  batchRows: 400,
  batchBytes: 256 * 1024,
  gatherTime: 40,
  windowRows: 10_000,
  windowBytes: 8 * 1024 * 1024,
  recentBytes: 8 * 1024 * 1024,
  acknowledgeGrace: 60_000,
  problemInterval: 60_000,
};
