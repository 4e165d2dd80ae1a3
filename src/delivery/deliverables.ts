import {
  type ScheduleState,
  type Subscription,
  subscriptionNamed,
  subscriptions,
} from '../schedule/schedule.ts';
import type { Deliverable } from './ports.ts';

/** What of the schedule's subscriptions has changed, by the names that osquery knows them under. */
export interface ScheduleChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/**
 * The queries whose rows are to be delivered, by the name that osquery knows them under: the schedule's
 * subscriptions, kept at hand because each row asks for one. Follows the schedule by its own news.
 */
export class Deliverables {
  readonly #schedule: () => ScheduleState;
  readonly #isEventTable: (table: string) => boolean;
  readonly #byName = new Map<string, Deliverable>();

  constructor(schedule: () => ScheduleState, isEventTable: (table: string) => boolean) {
    this.#schedule = schedule;
    this.#isEventTable = isEventTable;
    for (const subscription of subscriptions(schedule())) this.#add(subscription);
  }

  find(name: string): Deliverable | undefined {
    return this.#byName.get(name);
  }

  get size(): number {
    return this.#byName.size;
  }

  take({ added, removed }: ScheduleChange): void {
    for (const name of removed) this.#byName.delete(name);
    for (const name of added) {
      const subscription = subscriptionNamed(this.#schedule(), name);
      if (subscription) this.#add(subscription);
    }
  }

  #add({ name, peer, query, columns, tables, subscribedAt }: Subscription): void {
    const eventBased = tables.some(this.#isEventTable);
    this.#byName.set(name, { name, peer, query, columns, eventBased, subscribedAt });
  }
}
