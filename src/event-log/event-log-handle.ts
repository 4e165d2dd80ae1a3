import type { ScheduleEvent } from '../schedule/events.ts';
import type { EventLog } from './event-log.ts';

/** The log for those that are made before it is open. */
export class EventLogHandle {
  #log: Pick<EventLog, 'append'> | undefined;

  opened(log: Pick<EventLog, 'append'>): void {
    this.#log = log;
  }

  /** Resolves with the sequence number of the last of the events; rejects as `EventLog.append` does. */
  readonly append = async ({
    expected,
    events,
  }: {
    readonly expected: number;
    readonly events: readonly ScheduleEvent[];
  }): Promise<{ readonly sequence: number }> => {
    if (!this.#log) throw new Error('the event log is not open');
    const records = await this.#log.append(expected, events);
    return { sequence: records.at(-1)?.seq ?? expected };
  };
}
