import type { Clock, Timings } from '../broker/connection.ts';
import type { BrokerAddress } from '../broker/endpoint-connection.ts';
import { listenEndpoint } from '../broker/endpoint-server.ts';
import type { Accept, Listener } from '../broker/listening-server.ts';
import { systemClock } from '../broker/system-clock.ts';
import type { TlsSettings } from '../broker/tls.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import type { BroEvent } from './bro-event.ts';
import type { ZeekDialect } from './dialect.ts';
import { HostConversations } from './host-conversations.ts';
import type { BroQuery, Subscription, Target } from './model.ts';
import { RequestRegistry } from './request-registry.ts';

/** Milliseconds between greetings and declarations: hosts drop the queries of a Zeek that stops them. */
const GREETING_INTERVAL = 60_000;
/** What WebSocket clients are told as Zeek's version: that whose API this is. */
const ZEEK_VERSION = '8.2.0';

export interface BroOptions {
  /** Where to listen; port 0 is any free one. */
  readonly addresses: readonly BrokerAddress[];
  readonly endpointId: string;
  readonly dialect: ZeekDialect;
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

/**
 * A Bro of our own: listens as a Broker endpoint, and asks each host that announces itself what it has been told to
 * ask. Not Zeek: no scripts run, method calls take the place of scripts.
 */
export class Bro {
  readonly #options: BroOptions;
  readonly #dialect: ZeekDialect;
  readonly #clock: Clock;
  readonly #requests: RequestRegistry;
  readonly #hosts: HostConversations;
  readonly #listeners: Listener[] = [];
  #beat: unknown;

  private constructor(options: BroOptions, tell: (news: BroEvent) => void) {
    this.#options = options;
    this.#dialect = options.dialect;
    this.#clock = options.clock ?? systemClock;
    this.#requests = new RequestRegistry(options.dialect);
    const { endpointId, dialect, packageVersion } = options;
    this.#hosts = new HostConversations({
      endpointId,
      dialect,
      requests: this.#requests,
      packageVersion,
      tell,
    });
  }

  /** @throws the system's error if an address can't be bound, TlsSettingsError for WebSocket over TLS */
  static async listen(options: BroOptions, tell: (news: BroEvent) => void): Promise<Bro> {
    const bro = new Bro(options, tell);
    try {
      const accept: Accept = (connection, remoteAddress) => bro.#hosts.accept(connection, remoteAddress);
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
    return this.#dialect.topicOf(target);
  }

  /** Asks every host that the query is for, now and whenever one announces itself. */
  subscribe(query: Subscription): void {
    this.#requests.addSubscription(query);
    this.#hosts.offerAll();
  }

  /** Asks every host that the query is for once, as soon as it is there. */
  execute(query: BroQuery): void {
    this.#requests.addExecution(query);
    this.#hosts.offerAll();
  }

  /** Asks the hosts that are there once; who comes later is not asked. */
  ask(query: BroQuery): void {
    this.#requests.expect(query);
    this.publish(this.topicOf(query.target), this.#dialect.execute(query));
  }

  /** Takes back what was asked so and has not been answered; its rows are no longer expected. */
  withdraw(query: BroQuery, isAnswered: boolean): void {
    this.#requests.forget(query);
    if (isAnswered) return;
    this.publish(this.topicOf(query.target), this.#dialect.unsubscribe({ ...query, interval: 1 }));
  }

  unsubscribe(query: Subscription): void {
    this.#requests.removeSubscription(query);
    this.#hosts.unsubscribe(query);
  }

  /**
   * Has every host of the target join the group, now and whenever one announces itself.
   * @throws Error if the vocabulary does not support it
   */
  join(group: string, target: Target): void {
    this.#requests.addJoin(group, target);
    this.#hosts.offerAll();
  }

  /** Has the hosts of the target that are there leave the group. @throws as {@link join} */
  leave(group: string, target: Target): void {
    const event = this.#requests.removeJoin(group, target);
    this.#hosts.forgetJoined(group);
    this.publish(this.topicOf(target), event);
  }

  /** Sends any event to those hosts that their filters let it through to. */
  publish(topic: string, event: ZeekEvent): void {
    this.#hosts.publish(topic, event);
  }

  /** Ends every subscription, shuts down cleanly and stops listening; resolves when all connections have closed. */
  async close(): Promise<void> {
    for (const query of this.#requests.subscriptions) this.unsubscribe(query);
    const farewell = this.#dialect.farewell();
    if (farewell) this.publish(this.topicOf({ to: 'all' }), farewell);
    await this.#end();
  }

  /** Ends like a killed process: every connection is cut. */
  async kill(): Promise<void> {
    this.#hosts.destroy();
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#hosts.closing();
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
        filter: this.#dialect.filter,
        version: ZEEK_VERSION,
        ...(tls && !plain && { tls }),
        ...(timings && { timings }),
        ...(clock && { clock }),
      },
      accept,
    );
  }

  #scheduleGreetings(): void {
    this.#beat = this.#clock.setTimeout(() => {
      this.#hosts.greetAll();
      this.#scheduleGreetings();
    }, GREETING_INTERVAL);
  }
}
