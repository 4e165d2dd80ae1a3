import type { ScheduleEvent } from '../schedule/events.ts';

/** A step of the schedule manager, as far as it tells of facts. */
export interface ManagerStep {
  readonly event: string;
  readonly state: unknown;
  /** What is decided and not yet in force. */
  readonly decided: { readonly events: readonly ScheduleEvent[] } | undefined;
}

/** Sees which facts have got into the log: what was decided when the append that followed succeeded. */
export class FactFollower {
  #waiting: readonly ScheduleEvent[] = [];

  /** The facts that the step has made so. */
  take({ event, state, decided }: ManagerStep): readonly ScheduleEvent[] {
    const logged = event.startsWith('xstate.done.actor.') && event.endsWith('.logging') ? this.#waiting : [];
    if (logged.length > 0 || event.startsWith('xstate.error.actor.')) this.#waiting = [];
    if (state === 'logging' && decided && decided.events.length > 0) this.#waiting = decided.events;
    return logged;
  }
}
