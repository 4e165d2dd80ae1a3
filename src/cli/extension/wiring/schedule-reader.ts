import type { ActorRefFrom, AnyActorRef } from 'xstate';
import type { scheduleManagerMachine } from '../../../../actors/schedule-manager.machine.ts';
import { type RenderedSchedule, renderedOf } from '../../../schedule/render.ts';
import type { ScheduleState } from '../../../schedule/schedule.ts';

/**
 * Looks the schedule up at its one owner, the schedule manager: for whoever tells what is now so. Before that lives it
 * is what recovery has found, and after its end what it was then.
 */
export class ScheduleReader {
  readonly #system: () => AnyActorRef['system'];
  readonly #recovered: () => ScheduleState;
  #manager: ActorRefFrom<typeof scheduleManagerMachine> | undefined;

  constructor(system: () => AnyActorRef['system'], recovered: () => ScheduleState) {
    this.#system = system;
    this.#recovered = recovered;
  }

  readonly state = (): ScheduleState => this.#owner?.getSnapshot().context.schedule ?? this.#recovered();

  /** As osquery is to have it. */
  readonly rendered = (): RenderedSchedule =>
    this.#owner?.getSnapshot().context.rendered ?? renderedOf(this.#recovered());

  get #owner() {
    // One that has ended is no part of the system any more.
    this.#manager ??= this.#system().get('schedule-manager');
    return this.#manager;
  }
}
