import type { ZeekEvent } from '../broker/zeek-event.ts';
import type { RepeatedQuery } from '../vocabulary/model.ts';
import type { ZeekDialect } from './dialect.ts';
import { concerns, type HostLink, type HostState, letsThrough } from './host-link.ts';
import type { BroQuery, Subscription, Target } from './model.ts';
import { asDesiredQuery } from './package-dialect.ts';

/** An event that is to go to a host, and the query that it asks, if it asks one. */
export interface DueRequest {
  readonly topic: string;
  readonly event: ZeekEvent;
  readonly query: BroQuery | undefined;
}

/** What a Bro wants of its hosts, whichever are there. Knows no sockets. */
export class RequestRegistry {
  readonly #dialect: ZeekDialect;
  readonly #subscriptions = new Set<Subscription>();
  /** One-time queries, with the hosts that have been asked. */
  readonly #executions = new Map<BroQuery, Set<string>>();
  readonly #asked: BroQuery[] = [];
  #joins: readonly { readonly group: string; readonly target: Target }[] = [];

  constructor(dialect: ZeekDialect) {
    this.#dialect = dialect;
  }

  /** Every query ever asked: rows may come after its end. */
  get asked(): readonly BroQuery[] {
    return this.#asked;
  }

  get subscriptions(): readonly Subscription[] {
    return [...this.#subscriptions];
  }

  addSubscription(query: Subscription): void {
    this.#subscriptions.add(query);
    this.#asked.push(query);
  }

  addExecution(query: BroQuery): void {
    this.#executions.set(query, new Set());
    this.#asked.push(query);
  }

  /** Rows of the query may come, though nobody is asked it from here. */
  expect(query: BroQuery): void {
    this.#asked.push(query);
  }

  forget(query: BroQuery): void {
    const at = this.#asked.indexOf(query);
    if (at >= 0) this.#asked.splice(at, 1);
  }

  removeSubscription(query: Subscription): void {
    this.#subscriptions.delete(query);
  }

  /** @throws Error if the vocabulary does not support it */
  addJoin(group: string, target: Target): void {
    this.#membership();
    this.#joins = [...this.#joins, { group, target }];
  }

  /** The event that says so. @throws as {@link addJoin} */
  removeJoin(group: string, target: Target): ZeekEvent {
    const topic = this.#dialect.topicOf(target);
    this.#joins = this.#joins.filter(
      (join) => join.group !== group || this.#dialect.topicOf(join.target) !== topic,
    );
    return this.#membership().leave(group);
  }

  /** What a host is to be asked and has not been asked yet; notes that it is. */
  takeDue(link: HostLink, state: HostState): DueRequest[] {
    const due: DueRequest[] = [];
    // Others on the same connection (a gateway's) have been asked: who comes later is addressed alone.
    const own = this.#dialect.topicOf({ to: 'host', host: state.host.id });
    const addressed = (topic: string) => (link.hosts.size > 1 && letsThrough(link, own) ? own : topic);
    for (const { group, target } of this.#joins) {
      const topic = this.#topicFor(link, state, target);
      if (topic === undefined || state.joined.has(group)) continue;
      state.joined.add(group);
      due.push({ topic: addressed(topic), event: this.#membership().join(group), query: undefined });
    }
    for (const query of this.#subscriptions) {
      const topic = this.#topicFor(link, state, query.target);
      if (topic === undefined || state.offered.has(query.id)) continue;
      state.offered.add(query.id);
      due.push({ topic: addressed(topic), event: this.#dialect.subscribe(query), query });
    }
    for (const [query, hosts] of this.#executions) {
      const topic = this.#topicFor(link, state, query.target);
      if (topic === undefined || hosts.has(state.host.id)) continue;
      hosts.add(state.host.id);
      due.push({ topic: addressed(topic), event: this.#dialect.execute(query), query });
    }
    return due;
  }

  /** The subscriptions that are for a host, as hosts count them. */
  desiredQueriesOf(link: HostLink, state: HostState): RepeatedQuery[] {
    return this.subscriptions
      .filter(({ target }) => this.#topicFor(link, state, target) !== undefined)
      .map((query) => asDesiredQuery(query, this.#dialect.responseTopic));
  }

  /** The target's topic, if the host is of the target and can be reached there. */
  #topicFor(link: HostLink, state: HostState, target: Target): string | undefined {
    const topic = this.#dialect.topicOf(target);
    return concerns(link, state, target, topic) ? topic : undefined;
  }

  #membership(): NonNullable<ZeekDialect['membership']> {
    if (this.#dialect.membership) return this.#dialect.membership;
    throw new Error(`${this.#dialect.id} does not support joining or leaving groups`);
  }
}
