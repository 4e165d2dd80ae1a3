import type { ScheduleEvent } from '../schedule/events.ts';
import type { ScheduleState } from '../schedule/schedule.ts';
import type { EventLogError } from './event-log-error.ts';
import type { LogRecord } from './record.ts';

/** The log as whoever decides sees it: the one place to which facts go before they have any effect. */
export interface EventLog {
  /** The fold of all records so far. */
  readonly state: ScheduleState;
  /** Sequence number of the last record; 0 in an empty log. */
  readonly seq: number;
  /** Why the last append was refused; null once one has succeeded again. */
  readonly trouble: EventLogError | null;
  /**
   * Appends the facts of one decision, all or none of them; resolves once they are safe by the log's policy.
   * Rejects with an `EventLogError`; then none of them is in the log, and a later append may well succeed.
   */
  readonly append: (events: readonly ScheduleEvent[]) => Promise<readonly LogRecord[]>;
  /** Ends in good order: waits for appends under way, writes a snapshot, gives the lock back. */
  readonly close: () => Promise<void>;
}

/**
 * When facts are safe: `always`, before the append resolves; `interval`, at the latest so many milliseconds
 * later (what was appended since the last sync may be lost in a power cut, not when the process dies).
 */
export type SyncPolicy =
  | { readonly policy: 'always' }
  | { readonly policy: 'interval'; readonly every: number };
