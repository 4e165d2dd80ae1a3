import type { ActorRefFrom, AnyActorRef } from 'xstate';
import type { Recovered } from '../../../../actors/extension.machine.ts';
import type { scheduleManagerMachine } from '../../../../actors/schedule-manager.machine.ts';
import { type RenderedSchedule, renderedOf } from '../../../schedule/render.ts';
import { initialState, type ScheduleState } from '../../../schedule/schedule.ts';

/**
 * Looks the schedule up at its one owner, the schedule manager: for whoever tells what is now so. Before that lives it
 * is what recovery has found, and after its end what it was then.
 */
export class ScheduleReader {
  readonly #system: () => AnyActorRef['system'] | undefined;
  #recovered: ScheduleState = initialState();
  #manager: ActorRefFrom<typeof scheduleManagerMachine> | undefined;

  /** @param system the machines', once they live */
  constructor(system: () => AnyActorRef['system'] | undefined) {
    this.#system = system;
  }

  recovered({ schedule }: Pick<Recovered, 'schedule'>): void {
    this.#recovered = schedule;
  }

  readonly state = (): ScheduleState => this.#owner?.getSnapshot().context.schedule ?? this.#recovered;

  /** As osquery is to have it. */
  readonly rendered = (): RenderedSchedule =>
    this.#owner?.getSnapshot().context.rendered ?? renderedOf(this.#recovered);

  get #owner() {
    // One that has ended is no part of the system any more.
    this.#manager ??= this.#system()?.get('schedule-manager');
    return this.#manager;
  }
}
