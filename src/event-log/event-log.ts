import type { ScheduleEvent } from '../schedule/events.ts';
import type { LogRecord } from './record.ts';

/**
 * The log as whoever decides sees it: the one place to which events go before they have any effect. It folds nothing:
 * whoever decides owns the state.
 */
export interface EventLog {
  /** The records after the sequence number, in order, whole decisions only, as far as they are written now. */
  readonly read: (after: number) => AsyncIterable<LogRecord>;
  /**
   * Appends the events of one decision, all or none of them; resolves once they are safe by the log's policy.
   * Rejects with an `EventLogError`; then none of them is in the log, and a later append may well succeed.
   * @param expected the sequence number of the last record that was known when this was decided; 0 for an empty log.
   * Where the log has gone on since, the decision is of an old state: `conflict`.
   */
  readonly append: (expected: number, events: readonly ScheduleEvent[]) => Promise<readonly LogRecord[]>;
}

/**
 * When facts are safe: `always`, before the append resolves; `interval`, at the latest so many milliseconds
 * later (what was appended since the last sync may be lost in a power cut, not when the process dies).
 */
export type SyncPolicy =
  | { readonly policy: 'always' }
  | { readonly policy: 'interval'; readonly every: number };
