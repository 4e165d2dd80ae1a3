import type { Connection, ConnectionHandlers } from '../broker/connection.ts';
import { isInSubnet } from '../broker/ip-address.ts';
import { decodeRequest } from '../console/decode-request.ts';
import { activityDetail, hostDetail, queryDetail, zeekDetail } from '../console/facts.ts';
import type { ConsoleRequest, HostFacts, Item, ItemKind, Question, ZeekFacts } from '../console/model.ts';
import { type ConsoleTopics, consoleTopics } from '../console/protocol.ts';
import type { BroEvent } from './bro-event.ts';
import { ConsoleOutbox } from './console-outbox.ts';
import { broQueryOf, isMeantBy, type RunningQuery, targetsOf } from './console-query.ts';
import { KnownHosts } from './known-hosts.ts';
import type { BroQuery, ReceivedRow, Subscription } from './model.ts';

/** What a desk needs of its Bro. */
export interface DeskBro {
  ask(query: BroQuery): void;
  withdraw(query: BroQuery, isAnswered: boolean): void;
  subscribe(query: Subscription): void;
  unsubscribe(query: Subscription): void;
}

export interface DeskParts {
  readonly bro: () => DeskBro;
  readonly packageVersion: string;
  /** Whether consoles may run queries. */
  readonly allowQueries: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Runs it after so many milliseconds. */
  readonly after: (milliseconds: number, callback: () => void) => void;
  readonly topicPrefix: string;
}

/** As the package has them. */
const MAX_ROWS = 1_000_000;
const MAX_TIMEOUT = 30 * 60_000;

interface Console {
  readonly connection: Connection;
  readonly outbox: ConsoleOutbox;
  readonly user: string;
}

interface Running extends RunningQuery {
  readonly queries: readonly BroQuery[];
}

/**
 * The side of `osquery/console` that a Zeek has, for a Bro: consoles ask its hosts. Its timers, options and log are the
 * package's business; here a console is gone when its connection is.
 */
export class ConsoleDesk {
  readonly #parts: DeskParts;
  readonly #topics: ConsoleTopics;
  readonly #hosts: KnownHosts;
  readonly #consoles = new Map<string, Console>();
  readonly #running = new Map<string, Running>();

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.#topics = consoleTopics(parts.topicPrefix);
    this.#hosts = new KnownHosts(parts.now);
  }

  /** Topics that consoles speak on. */
  get filter(): readonly string[] {
    return [this.#topics.requests];
  }

  /** Takes on the connection of a console. */
  accept(connection: Connection): ConnectionHandlers {
    return {
      onPhase: () => {},
      onUp: () => {},
      onEvent: (_topic, event) => {
        const request = decodeRequest(event);
        if (request) this.#hear(connection, request);
      },
      onFilter: () => {},
      onSuspect: () => {},
      onProblem: () => {},
      onClosed: () => {
        for (const [client, one] of this.#consoles) if (one.connection === connection) this.#lose(client);
      },
    };
  }

  /** What happens at the Bro. */
  take(news: BroEvent): void {
    for (const host of this.#hosts.hear(news)) {
      for (const query of this.#running.values()) {
        if (query.asked.has(host) && !query.answered.has(host))
          this.#tellOf(query, { kind: 'lost', host, text: 'the host disconnected' });
      }
    }
    if (news.type === 'row') this.#row(news.row);
    if (news.type !== 'answered') return;
    const query = this.#running.get(news.cookie);
    if (!query) return;
    const kind = news.outcome === 'done' || news.outcome === 'failed' ? news.outcome : 'note';
    if (kind !== 'note' && query.question.interval === 0) query.answered.add(news.host);
    this.#tellOf(query, { kind, host: news.host, number: news.rows, text: news.text });
  }

  #hear(connection: Connection, request: ConsoleRequest): void {
    const { client } = request;
    if (request.type === 'open') {
      const outbox = new ConsoleOutbox(connection, this.#topics.client(client), client);
      this.#consoles.set(client, { connection, outbox, user: request.user });
      this.#tell(client, { kind: 'opened', detail: zeekDetail(this.#facts()) });
      return;
    }
    const asker = this.#consoles.get(client);
    if (!asker) return;
    switch (request.type) {
      case 'alive':
        asker.outbox.acknowledged(request.received);
        return;
      case 'close':
        this.#lose(client);
        return;
      case 'stop':
        if (this.#running.get(request.request)?.client === client)
          this.#end(request.request, request.reason || 'stopped');
        return;
      case 'ask':
        this.#ask(client, request.request, request.question);
        return;
      case 'list':
        this.#list(client, request.request, request);
        return;
      default:
        request satisfies never;
    }
  }

  #facts(): ZeekFacts {
    const { packageVersion, allowQueries } = this.#parts;
    return {
      ...{ package: packageVersion, name: 'bro-osquery bro', queries: allowQueries },
      ...{ subscriptions: allowQueries, maxRows: MAX_ROWS, maxHosts: 0, minInterval: 1 },
    };
  }

  #ask(client: string, request: string, question: Question): void {
    if (!this.#parts.allowQueries) {
      this.#tell(client, { request, kind: 'refused', text: 'this Zeek lets consoles run no queries' });
      return;
    }
    const hosts = this.#hosts.all.filter((host) => host.connected && isMeantBy(host, question));
    const absent = question.hosts.filter((id) => !hosts.some((host) => host.id === id));
    const bySubnet = hosts
      .filter(({ addresses }) =>
        addresses.some((a) => question.subnets.some((range) => isInSubnet(a, range))),
      )
      .map(({ id }) => id);
    const named = { ...question, hosts: question.hosts.filter((id) => !absent.includes(id)) };
    const isEmpty = hosts.length === 0 && question.interval === 0;
    const targets = isEmpty ? [] : targetsOf(question.interval > 0 ? question : named, bySubnet);
    const queries = targets.map((target) => broQueryOf(request, question, target));
    const asked = new Set([...hosts.map(({ id }) => id), ...absent]);
    const query: Running = { client, request, question, asked, answered: new Set(absent), rows: 0, queries };
    this.#running.set(request, query);
    for (const id of asked)
      this.#tellOf(query, { kind: 'asked', host: id, text: this.#hosts.get(id)?.name ?? id });
    for (const host of absent)
      this.#tellOf(query, { kind: 'absent', host, text: 'the host is not connected, or not known' });
    this.#tellOf(query, { kind: 'all-asked' });
    for (const one of queries) {
      if (isSubscription(one)) this.#parts.bro().subscribe(one);
      else this.#parts.bro().ask(one);
    }
    if (question.interval > 0) return;
    const patience = question.timeout > 0 ? Math.min(question.timeout, MAX_TIMEOUT) : MAX_TIMEOUT;
    this.#parts.after(patience, () => {
      if (this.#running.get(request) === query) this.#end(request, 'time is over');
    });
  }

  #row({ host, cookie, change, values, sequence, hostTime }: ReceivedRow): void {
    const query = this.#running.get(cookie);
    const [value] = values;
    if (!query || value?.type !== 'string') return;
    query.rows += 1;
    this.#tellOf(query, {
      ...{ kind: KINDS[change], host, text: value.value, number: Number(sequence ?? 0n) },
      at: hostTime === undefined ? this.#parts.now() : Number(hostTime / 1_000_000n),
    });
    const most = query.question.maxRows > 0 ? Math.min(query.question.maxRows, MAX_ROWS) : MAX_ROWS;
    if (query.rows >= most)
      this.#end(query.request, `${query.rows} rows have come, and no more are let through`);
  }

  #end(request: string, reason: string): void {
    const query = this.#running.get(request);
    if (!query) return;
    this.#running.delete(request);
    for (const one of query.queries) {
      if (isSubscription(one)) this.#parts.bro().unsubscribe(one);
      else this.#parts.bro().withdraw(one, query.answered.size >= query.asked.size);
    }
    this.#tellOf(query, { kind: 'ended', text: reason });
  }

  #lose(client: string): void {
    this.#consoles.delete(client);
    for (const query of [...this.#running.values()])
      if (query.client === client) this.#end(query.request, 'the console is gone');
  }

  #list(
    client: string,
    request: string,
    { what, host: id }: { readonly what: string; readonly host: string },
  ) {
    const tellHost = (host: HostFacts) =>
      this.#tell(client, { request, kind: 'host', host: host.id, text: host.name, detail: hostDetail(host) });
    const all = this.#hosts.all;
    if (what === 'hosts') all.forEach(tellHost);
    if (what === 'host') {
      const host = this.#hosts.get(id);
      if (host) tellHost(host);
      else this.#tell(client, { request, kind: 'refused', text: `no host with the id ${id} is known` });
    }
    if (what === 'activity') this.#tell(client, { request, kind: 'activity', detail: this.#activity(all) });
    if (what !== 'hosts') this.#tellQueries(client, request);
    this.#tell(client, { request, kind: 'complete' });
  }

  #activity(all: readonly HostFacts[]): string {
    return activityDetail({
      ...{ hosts: all.length, connected: all.filter((host) => host.connected).length, gateways: 0 },
      ...{ consoles: this.#consoles.size, subscriptions: this.#running.size },
      rows: all.reduce((sum, host) => sum + (host.rows ?? 0), 0),
      warnings: all.reduce((sum, host) => sum + host.warnings, 0),
      ...{ lagMedian: null, lagMost: null },
    });
  }

  #tellQueries(client: string, request: string): void {
    for (const { question, queries, rows, client: asker } of this.#running.values()) {
      const { sql, interval, updateType } = question;
      const update = interval > 0 ? updateType : 'once';
      const target = targetText(question);
      const wantedBy = [`console of ${this.#consoles.get(asker)?.user ?? ''}`];
      const event = queries[0]?.event ?? '';
      const detail = queryDetail({ sql, event, update, interval, target, wantedBy, rows });
      this.#tell(client, { request, kind: 'query', text: sql, detail });
    }
  }

  #tellOf({ client, request }: RunningQuery, item: Partial<Item> & { readonly kind: ItemKind }): void {
    this.#tell(client, { request, ...item });
  }

  #tell(client: string, item: Partial<Item> & { readonly kind: ItemKind }): void {
    const rest = { request: '', host: '', number: 0, at: this.#parts.now(), text: '', detail: '' };
    this.#consoles.get(client)?.outbox.tell({ ...rest, ...item });
  }
}

const KINDS = { ADDED: 'added', REMOVED: 'removed', SNAPSHOT: 'row' } as const;

function isSubscription(query: BroQuery): query is Subscription {
  return query.interval !== undefined;
}

function targetText({ hosts, groups, subnets }: Question): string {
  const parts = [
    ...hosts.slice(0, 20).map((host) => `host ${host}`),
    ...(hosts.length > 20 ? [`${hosts.length - 20} more hosts`] : []),
    ...groups.map((group) => `group ${group}`),
    ...subnets.map((subnet) => `subnet ${subnet}`),
  ];
  return parts.length === 0 ? 'all hosts' : parts.join(', ');
}
