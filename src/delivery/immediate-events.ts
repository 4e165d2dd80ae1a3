import type { Logger } from 'pino';
import type { EventRowMatcher } from '../osquery/event-row-store.ts';
import { type EventTable, readEventTables } from '../osquery/event-tables.ts';
import type { ManagerClient } from '../osquery/manager-client.ts';
import { OsqueryError } from '../osquery/osquery-error.ts';
import type { Row } from '../osquery/row.ts';
import { SentEvents } from '../osquery/sent-events.ts';
import { reasonOf } from '../text/reason.ts';
import type { Deliverables, ScheduleChange } from './deliverables.ts';
import type { Deliverable } from './ports.ts';

/** Rows sent at the moment of their event that are remembered for each subscription, until the schedule brings them. */
const REMEMBERED = 100_000;

/** Intervals of a subscription after which the schedule will not bring a row any more that it has not brought. */
const INTERVALS = 5;

export interface EventMomentsParts {
  /** The queries that are subscribed, as of now. */
  readonly deliverables: Pick<Deliverables, 'find' | 'all'>;
  readonly createMatcher: (tables: readonly EventTable[]) => EventRowMatcher;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Pick<Logger, 'debug' | 'warn'>;
}

/** A row that a subscription gets out of an event. */
export interface EventRow {
  readonly name: string;
  readonly columns: Row;
}

/**
 * Answers subscriptions to osquery's event tables at the moment of the event, by the rows that osquery forwards
 * to its logger, and knows the rows again that the schedule brings later.
 */
export class ImmediateEvents {
  readonly #parts: EventMomentsParts;
  readonly #sent = new SentEvents({ perSubscription: REMEMBERED });
  readonly #immediate = new Set<string>();
  #matcher: EventRowMatcher | undefined;

  constructor(parts: EventMomentsParts) {
    this.#parts = parts;
  }

  /** Whether any subscription wants the rows that osquery forwards; if none does they need not be kept. */
  get isWanted(): boolean {
    return this.#immediate.size > 0;
  }

  /**
   * Learns what event tables this osquery has; to be asked again of an osqueryd that restarted. Never rejects: without
   * them rows come by the schedule.
   */
  async learn(client: Pick<ManagerClient, 'query' | 'call' | 'getQueryColumns'>): Promise<void> {
    try {
      const tables = await readEventTables(client);
      const matcher = tables.length === 0 ? undefined : this.#parts.createMatcher(tables);
      this.#matcher?.close();
      this.#matcher = matcher;
      this.#immediate.clear();
      for (const deliverable of this.#parts.deliverables.all()) this.#add(deliverable);
    } catch (error) {
      const level = error instanceof OsqueryError ? 'debug' : 'warn';
      this.#parts.log[level]({ area: 'events' }, `can't read osquery's event tables: ${reasonOf(error)}`);
    }
  }

  /** To be called once the queries at hand have changed so. */
  readonly take = ({ added, removed }: ScheduleChange): void => {
    for (const name of removed) {
      this.#matcher?.unsubscribe(name);
      this.#immediate.delete(name);
      this.#sent.forget(name);
    }
    for (const subscription of added) this.#add(subscription);
  };

  /** The subscriptions that an event satisfies, and the row that each gets. */
  match(columns: Row): readonly EventRow[] {
    const found = (this.#matcher?.match(columns) ?? []).flatMap(({ subscription, rows }) =>
      rows.map((row) => ({ name: subscription, columns: row })),
    );
    const now = this.#parts.now();
    for (const { name, columns: row } of found) {
      const interval = this.#parts.deliverables.find(name)?.query.interval ?? 0;
      this.#sent.sent(name, row, now + INTERVALS * interval * 1_000);
    }
    return found;
  }

  /** Whether the row that the schedule brings has been sent already; each sending counts once. */
  wasSent(name: string, columns: Row): boolean {
    return this.#sent.take(name, columns, this.#parts.now());
  }

  #add({ name, query }: Pick<Deliverable, 'name' | 'query'>): void {
    if (query.updateType !== 'ADDED' && query.updateType !== 'BOTH') return;
    const answer = this.#matcher?.subscribe(name, query.sql);
    if (!answer) return;
    if (answer.immediate) this.#immediate.add(name);
    else
      this.#parts.log.debug(
        { area: 'events', name, reason: answer.reason },
        'rows are delivered by the schedule only',
      );
  }
}
