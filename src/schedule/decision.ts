import type { Cause, EventData, EventOf, EventType, ScheduleEvent } from './events.ts';
import type { Refusal } from './refusal.ts';

/** What a command comes to: facts to append, and what to tell the Bro if its request was not granted. */
export interface Decision {
  readonly events: readonly ScheduleEvent[];
  readonly refusal: Refusal | null;
}

/** Nothing is to be done: it is so already, or what it was about is gone. */
export const NOTHING: Decision = { events: [], refusal: null };

export function accept(events: readonly ScheduleEvent[]): Decision {
  return { events, refusal: null };
}

/** A fact that this command brings about. */
export function fact<T extends EventType>(
  command: { readonly at: number; readonly cause?: Cause | null },
  type: T,
  data: EventData<T>,
): EventOf<T> {
  return { type, at: command.at, cause: command.cause ?? null, data };
}
