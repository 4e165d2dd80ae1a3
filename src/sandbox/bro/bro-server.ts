import type { Clock, Connection, ConnectionHandlers, Timings } from '../../broker/connection.ts';
import type { BrokerAddress } from '../../broker/endpoint-connection.ts';
import { listenEndpoint } from '../../broker/endpoint-server.ts';
import type { Accept, Listener } from '../../broker/listening-server.ts';
import { systemClock } from '../../broker/system-clock.ts';
import type { TlsSettings } from '../../broker/tls.ts';
import type { ZeekEvent } from '../../broker/zeek-event.ts';
import { wishDigest } from '../../vocabulary/wish.ts';
import type { WishDigest } from '../../vocabulary/words.ts';
import { Agenda } from './agenda.ts';
import {
  type HostLink,
  type HostState,
  type LinkNews,
  letsThrough,
  newHost,
  wishIsDue,
} from './host-link.ts';
import { acknowledge, declare, wish } from './package-speech.ts';
import type { BroSpeech } from './speech.ts';
import type { AnnouncedHost, BroQuery, Heard, Subscription, Target } from './words.ts';

/** Milliseconds between greetings and declarations: hosts drop the queries of a Zeek that stops them. */
const GREETING_INTERVAL = 60_000;
/** What WebSocket clients are told as Zeek's version: that whose API this is. */
const ZEEK_VERSION = '8.0.0';

export interface BroOptions {
  /** Where to listen; port 0 is any free one. */
  readonly addresses: readonly BrokerAddress[];
  readonly endpointId: string;
  readonly speech: BroSpeech;
  /**
   * The version of our own Zeek package that this Bro declares to its hosts, which then tell it of errors and gaps
   * and have their rows acknowledged; without one it is a Zeek with the scripts of 2018. Only for `zeek-osquery`.
   */
  readonly packageVersion?: string;
  readonly tls?: TlsSettings;
  readonly timings?: Partial<Timings>;
  readonly clock?: Clock;
  /** How to reach hosts in place of listening at addresses. */
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
  readonly #agenda: Agenda;
  readonly #links = new Set<HostLink>();
  readonly #listeners: Listener[] = [];
  #beat: unknown;
  #closing = false;

  private constructor(options: BroOptions, tell: (news: BroNews) => void) {
    this.#options = options;
    this.#speech = options.speech;
    this.#tell = tell;
    this.#clock = options.clock ?? systemClock;
    this.#agenda = new Agenda(options.speech);
  }

  /** @throws the system's error if an address can't be bound, TlsSettingsError for WebSocket over TLS */
  static async listen(options: BroOptions, tell: (news: BroNews) => void): Promise<Bro> {
    const bro = new Bro(options, tell);
    try {
      const accept: Accept = (connection, remoteAddress) => bro.#accept(connection, remoteAddress);
      if (options.listen) bro.#listeners.push(await options.listen(accept));
      else for (const address of options.addresses) bro.#listeners.push(await bro.#listen(address, accept));
    } catch (error) {
      await bro.#end();
      throw error;
    }
    bro.#scheduleGreetings();
    return bro;
  }

  /** The ports that it listens on, in the order of the addresses. */
  get ports(): readonly number[] {
    return this.#listeners.map(({ port }) => port);
  }

  topicOf(target: Target): string {
    return this.#speech.topicOf(target);
  }

  /** Asks every host that the query is for, now and whenever one announces itself. */
  subscribe(query: Subscription): void {
    this.#agenda.addSubscription(query);
    this.#eachHost((link, state) => this.#offer(link, state));
  }

  /** Asks every host that the query is for once, as soon as it is there. */
  execute(query: BroQuery): void {
    this.#agenda.addExecution(query);
    this.#eachHost((link, state) => this.#offer(link, state));
  }

  unsubscribe(query: Subscription): void {
    this.#agenda.removeSubscription(query);
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
    this.#agenda.addJoin(group, target);
    this.#eachHost((link, state) => this.#offer(link, state));
  }

  /** Has the hosts of the target that are there leave the group. @throws as {@link join} */
  leave(group: string, target: Target): void {
    const event = this.#agenda.removeJoin(group, target);
    this.#eachHost((_link, { joined }) => joined.delete(group));
    this.publish(this.topicOf(target), event);
  }

  /** Sends any event to those hosts that their filters let it through to. */
  publish(topic: string, event: ZeekEvent): void {
    for (const link of this.#links)
      if (link.remote && letsThrough(link, topic)) this.#send(link, topic, event);
  }

  /** Ends every subscription, says goodbye and stops listening; resolves when all connections have closed. */
  async close(): Promise<void> {
    for (const query of this.#agenda.subscriptions) this.unsubscribe(query);
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
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  #listen(address: BrokerAddress, accept: Accept): Promise<Listener> {
    const { endpointId, tls, timings, clock } = this.#options;
    const plain = address.kind === 'websocket' && !address.secure;
    return listenEndpoint(
      address,
      {
        endpointId,
        filter: this.#speech.filter,
        version: ZEEK_VERSION,
        ...(tls && !plain && { tls }),
        ...(timings && { timings }),
        ...(clock && { clock }),
      },
      accept,
    );
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
        // Over WebSocket hosts can't know the filter; a Zeek gets what it subscribed to all the same.
        if (!this.#speech.filter.some((prefix) => topic.startsWith(prefix))) return;
        const heard = this.#speech.hear({ topic, event }, this.#agenda.asked);
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
    for (const { topic, event, query } of this.#agenda.takeDue(link, state)) {
      this.#send(link, topic, event);
      if (query) this.#tell({ type: 'asked', host: state.host.id, query });
    }
  }

  #greet(link: HostLink, state: HostState): void {
    const { endpointId, packageVersion } = this.#options;
    const topic = this.topicOf({ to: 'host', host: state.host.id });
    const greeting = this.#speech.greeting();
    if (greeting) this.#send(link, topic, greeting);
    if (packageVersion === undefined) return;
    const digest = wishDigest(this.#agenda.wishTo(link, state));
    this.#send(link, topic, declare(endpointId, packageVersion, digest));
  }

  #compareWish(link: HostLink, state: HostState, held: WishDigest): void {
    const queries = this.#agenda.wishTo(link, state);
    if (!wishIsDue(state, wishDigest(queries), held)) return;
    const topic = this.topicOf({ to: 'host', host: state.host.id });
    this.#send(link, topic, wish(this.#options.endpointId, queries));
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

  #send(link: HostLink, topic: string, event: ZeekEvent): void {
    link.connection.send(topic, [event]).catch((error: Error) => {
      if (this.#closing) return;
      const problem = `${event.name} did not reach ${topic}: ${error.message}`;
      this.#tell({ type: 'problem', remoteAddress: link.remoteAddress, problem });
    });
  }
}
