import type { NativeSecurity } from '../../broker/address.ts';
import type { Clock, Connection, ConnectionHandlers, Timings } from '../../broker/connection.ts';
import { systemClock } from '../../broker/system-clock.ts';
import { type Accept, type Listener, listenTcp } from '../../broker/tcp-server.ts';
import type { TlsSettings } from '../../broker/tls.ts';
import type { ZeekEvent } from '../../broker/zeek-event.ts';
import { wishDigest } from '../../vocabulary/wish.ts';
import type { WishDigest } from '../../vocabulary/words.ts';
import {
  concerns,
  type HostLink,
  type HostState,
  type LinkNews,
  letsThrough,
  newHost,
  wishIsDue,
} from './host-link.ts';
import { acknowledge, asWish, declare, wish } from './package-speech.ts';
import type { BroSpeech } from './speech.ts';
import type { AnnouncedHost, BroQuery, Heard, Subscription, Target } from './words.ts';

/** Milliseconds between greetings and declarations: hosts drop the queries of a Zeek that stops them. */
const GREETING_INTERVAL = 60_000;

export interface BroOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly endpointId: string;
  readonly speech: BroSpeech;
  /**
   * The version of our own Zeek package that this Bro declares to its hosts, which then tell it of errors and gaps
   * and have their rows acknowledged; without one it is a Zeek with the scripts of 2018. Only for `zeek-osquery`.
   */
  readonly packageVersion?: string;
  readonly security?: NativeSecurity;
  readonly tls?: TlsSettings;
  readonly timings?: Partial<Timings>;
  readonly clock?: Clock;
  /** How to reach hosts in place of listening on `host` and `port`. */
  readonly listen?: (accept: Accept) => Promise<Listener>;
}

/** What happens at a Bro. `again`: it has announced itself before over the same connection. */
export type BroNews =
  | LinkNews
  | Exclude<Heard, { readonly type: 'announced' }>
  | {
      readonly type: 'announced';
      readonly host: AnnouncedHost;
      readonly remoteAddress: string;
      readonly again: boolean;
    }
  | { readonly type: 'asked'; readonly host: string; readonly query: BroQuery }
  | { readonly type: 'unasked'; readonly host: string; readonly query: BroQuery };

/**
 * A Bro of our own: listens as a Broker endpoint, and asks each host that announces itself what it has been told to
 * ask. Not Zeek: no scripts run, what a script would say is said by method calls.
 */
export class Bro {
  readonly #options: BroOptions;
  readonly #speech: BroSpeech;
  readonly #tell: (news: BroNews) => void;
  readonly #clock: Clock;
  readonly #links = new Set<HostLink>();
  /** Those that hosts are to run now, and one-time queries with the hosts that have been asked. */
  readonly #subscriptions = new Set<Subscription>();
  readonly #executions = new Map<BroQuery, Set<string>>();
  #joins: readonly { readonly group: string; readonly target: Target }[] = [];
  /** Every query ever asked: rows may come after its end. */
  readonly #asked: BroQuery[] = [];
  #listener: Listener | undefined;
  #beat: unknown;
  #closing = false;

  private constructor(options: BroOptions, tell: (news: BroNews) => void) {
    this.#options = options;
    this.#speech = options.speech;
    this.#tell = tell;
    this.#clock = options.clock ?? systemClock;
  }

  /** @throws the system's error if the address can't be bound */
  static async listen(options: BroOptions, tell: (news: BroNews) => void): Promise<Bro> {
    const bro = new Bro(options, tell);
    const filter = options.speech.filter;
    const accept: Accept = (connection, remoteAddress) => bro.#accept(connection, remoteAddress);
    bro.#listener = await (options.listen?.(accept) ?? listenTcp({ ...options, filter }, accept));
    bro.#scheduleGreetings();
    return bro;
  }

  get port(): number {
    return this.#listener?.port ?? this.#options.port;
  }

  topicOf(target: Target): string {
    return this.#speech.topicOf(target);
  }

  /** Asks every host that the query is for, now and whenever one announces itself. */
  subscribe(query: Subscription): void {
    this.#subscriptions.add(query);
    this.#asked.push(query);
    this.#eachHost((link, state) => this.#offer(link, state));
  }

  /** Asks every host that the query is for once, as soon as it is there. */
  execute(query: BroQuery): void {
    this.#executions.set(query, new Set());
    this.#asked.push(query);
    this.#eachHost((link, state) => this.#offer(link, state));
  }

  unsubscribe(query: Subscription): void {
    this.#subscriptions.delete(query);
    for (const link of this.#links) {
      const hosts = [...link.hosts.values()].filter(({ offered }) => offered.delete(query.id));
      if (hosts.length === 0) continue;
      this.#send(link, this.topicOf(query.target), this.#speech.unsubscribe(query));
      for (const { host } of hosts) this.#tell({ type: 'unasked', host: host.id, query });
    }
  }

  /**
   * Has every host of the target join the group, now and whenever one announces itself.
   * @throws Error if the vocabulary has no word for it
   */
  join(group: string, target: Target): void {
    this.#membership();
    this.#joins = [...this.#joins, { group, target }];
    this.#eachHost((link, state) => this.#offer(link, state));
  }

  /** Has the hosts of the target that are there leave the group. @throws as {@link join} */
  leave(group: string, target: Target): void {
    const { leave } = this.#membership();
    const topic = this.topicOf(target);
    this.#joins = this.#joins.filter((join) => join.group !== group || this.topicOf(join.target) !== topic);
    this.#eachHost((_link, { joined }) => joined.delete(group));
    this.publish(topic, leave(group));
  }

  /** Sends any event to those hosts that their filters let it through to. */
  publish(topic: string, event: ZeekEvent): void {
    for (const link of this.#links)
      if (link.remote && letsThrough(link, topic)) this.#send(link, topic, event);
  }

  /** Ends every subscription, says goodbye and stops listening; resolves when all connections have closed. */
  async close(): Promise<void> {
    for (const query of [...this.#subscriptions]) this.unsubscribe(query);
    const farewell = this.#speech.farewell();
    if (farewell) this.publish(this.topicOf({ to: 'all' }), farewell);
    await this.#end();
  }

  /** Ends as a process that is killed: every connection is cut, nothing is said. */
  async kill(): Promise<void> {
    for (const { connection } of this.#links) connection.destroy();
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#closing = true;
    this.#clock.clearTimeout(this.#beat);
    await this.#listener?.close();
  }

  #accept(connection: Connection, remoteAddress: string): ConnectionHandlers {
    const link: HostLink = {
      connection,
      remoteAddress,
      remote: undefined,
      filter: undefined,
      hosts: new Map(),
    };
    this.#links.add(link);
    return {
      onPhase: () => {},
      onUp: (remote) => {
        link.remote = remote;
        link.filter = remote.filter;
        this.#tell({ type: 'connected', remoteAddress, remote });
      },
      onEvent: (topic, event) => {
        const heard = this.#speech.hear({ topic, event }, this.#asked);
        if (heard) this.#hear(link, heard);
      },
      onFilter: (topics) => {
        link.filter = topics;
        for (const state of link.hosts.values()) this.#offer(link, state);
      },
      onSuspect: (suspect) => this.#tell({ type: 'suspect', remoteAddress, suspect }),
      onProblem: (problem) => this.#tell({ type: 'problem', remoteAddress, problem }),
      onClosed: (closed) => {
        this.#links.delete(link);
        const hosts = [...link.hosts.keys()];
        if (link.remote) this.#tell({ type: 'disconnected', remoteAddress, closed, hosts });
        else this.#tell({ type: 'failed', remoteAddress, closed });
      },
    };
  }

  #hear(link: HostLink, heard: Heard): void {
    switch (heard.type) {
      case 'announced':
        this.#announced(link, heard.host);
        return;
      case 'rowsSent':
        this.#send(link, this.topicOf({ to: 'host', host: heard.host }), acknowledge(heard.sequence));
        break;
      case 'wishHeld': {
        const state = link.hosts.get(heard.host);
        if (state) this.#compareWish(link, state, heard.held);
        break;
      }
      default:
    }
    this.#tell(heard);
  }

  #announced(link: HostLink, host: AnnouncedHost): void {
    const before = link.hosts.get(host.id);
    const again = before !== undefined && before.host.helloId === host.helloId;
    const state = again ? before : newHost(host);
    state.host = host;
    link.hosts.set(host.id, state);
    this.#tell({ type: 'announced', host, remoteAddress: link.remoteAddress, again });
    if (!again) this.#greet(link, state);
    this.#offer(link, state);
  }

  /** Asks a host what it is to be asked and has not been asked yet. */
  #offer(link: HostLink, state: HostState): void {
    this.#offerGroups(link, state);
    for (const query of this.#subscriptions) {
      const topic = this.topicOf(query.target);
      if (state.offered.has(query.id) || !concerns(link, state, query.target, topic)) continue;
      state.offered.add(query.id);
      this.#send(link, topic, this.#speech.subscribe(query));
      this.#tell({ type: 'asked', host: state.host.id, query });
    }
    for (const [query, hosts] of this.#executions) {
      const topic = this.topicOf(query.target);
      if (hosts.has(state.host.id) || !concerns(link, state, query.target, topic)) continue;
      hosts.add(state.host.id);
      this.#send(link, topic, this.#speech.execute(query));
      this.#tell({ type: 'asked', host: state.host.id, query });
    }
  }

  #offerGroups(link: HostLink, state: HostState): void {
    for (const { group, target } of this.#joins) {
      const topic = this.topicOf(target);
      if (state.joined.has(group) || !concerns(link, state, target, topic)) continue;
      state.joined.add(group);
      this.#send(link, topic, this.#membership().join(group));
    }
  }

  #greet(link: HostLink, state: HostState): void {
    const { endpointId, packageVersion } = this.#options;
    const topic = this.topicOf({ to: 'host', host: state.host.id });
    const greeting = this.#speech.greeting();
    if (greeting) this.#send(link, topic, greeting);
    if (packageVersion === undefined) return;
    this.#send(link, topic, declare(endpointId, packageVersion, wishDigest(this.#wishTo(link, state))));
  }

  #compareWish(link: HostLink, state: HostState, held: WishDigest): void {
    const queries = this.#wishTo(link, state);
    if (!wishIsDue(state, wishDigest(queries), held)) return;
    this.#send(
      link,
      this.topicOf({ to: 'host', host: state.host.id }),
      wish(this.#options.endpointId, queries),
    );
  }

  #wishTo(link: HostLink, state: HostState) {
    const { responseTopic } = this.#speech;
    return [...this.#subscriptions]
      .filter(({ target }) => concerns(link, state, target, this.topicOf(target)))
      .map((query) => asWish(query, responseTopic));
  }

  #scheduleGreetings(): void {
    this.#beat = this.#clock.setTimeout(() => {
      this.#eachHost((link, state) => {
        state.declared = 'again';
        this.#greet(link, state);
      });
      this.#scheduleGreetings();
    }, GREETING_INTERVAL);
  }

  #eachHost(visit: (link: HostLink, state: HostState) => void): void {
    for (const link of this.#links) for (const state of link.hosts.values()) visit(link, state);
  }

  #membership(): NonNullable<BroSpeech['membership']> {
    if (this.#speech.membership) return this.#speech.membership;
    throw new Error(`${this.#speech.id} has no word for joining or leaving a group`);
  }

  #send(link: HostLink, topic: string, event: ZeekEvent): void {
    link.connection.send(topic, [event]).catch((error: Error) => {
      if (this.#closing) return;
      const problem = `${event.name} did not reach ${topic}: ${error.message}`;
      this.#tell({ type: 'problem', remoteAddress: link.remoteAddress, problem });
    });
  }
}
