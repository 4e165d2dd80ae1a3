import type { Subscription } from '../schedule/schedule.ts';
import type { RepeatedQuery } from '../vocabulary/model.ts';
import type { RowEncoder } from '../vocabulary/vocabulary.ts';
import type { Deliverable } from './ports.ts';

/** What of the schedule's subscriptions has changed. */
export interface ScheduleChange {
  readonly added: readonly Subscription[];
  /** Their names in osquery's schedule. */
  readonly removed: readonly string[];
}

/** A subscribed query whose rows are delivered. */
export interface SubscribedQuery extends Deliverable {
  readonly query: RepeatedQuery;
}

/**
 * The queries whose rows are to be delivered, by their names in osquery: the schedule's
 * subscriptions, kept at hand because each row asks for one. Follows the schedule by its own news.
 */
export class Deliverables {
  readonly #isEventTable: (table: string) => boolean;
  readonly #byName = new Map<string, SubscribedQuery>();
  /** How the rows of those are encoded that nobody has subscribed. */
  readonly #lent = new Map<string, RowEncoder>();

  constructor(isEventTable: (table: string) => boolean) {
    this.#isEventTable = isEventTable;
  }

  find(name: string): SubscribedQuery | undefined {
    return this.#byName.get(name);
  }

  all(): readonly SubscribedQuery[] {
    return [...this.#byName.values()];
  }

  /** Whom they belong to, each once. */
  peers(): ReadonlySet<string> {
    return new Set([...this.#byName.values()].map(({ peer }) => peer));
  }

  get size(): number {
    return this.#byName.size;
  }

  readonly take = ({ added, removed }: ScheduleChange): void => {
    for (const name of removed) this.#byName.delete(name);
    for (const subscription of added) this.#add(subscription);
  };

  /** Rows of a query that nobody has subscribed are delivered, too, until it is taken back. */
  lend(query: SubscribedQuery, encode: RowEncoder): void {
    this.#byName.set(query.name, query);
    this.#lent.set(query.name, encode);
  }

  takeBack(name: string): void {
    if (this.#lent.delete(name)) this.#byName.delete(name);
  }

  /** What encodes the rows of a query that was lent; undefined for subscriptions. */
  lentEncoder(name: string): RowEncoder | undefined {
    return this.#lent.get(name);
  }

  #add({ name, peer, query, columns, tables, subscribedAt }: Subscription): void {
    const eventBased = tables.some(this.#isEventTable);
    this.#byName.set(name, { name, peer, query, columns, eventBased, subscribedAt });
  }
}
