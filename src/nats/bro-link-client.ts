import type { NatsConnection } from 'nats';
import type { Clock, HandlersFor, Timings } from '../broker/connection.ts';
import { ConnectionLifecycle } from '../broker/connection-lifecycle.ts';
import { matchesFilter } from '../broker/handshake-messages.ts';
import { SilenceWatch } from '../broker/silence-watch.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import { reasonOf } from '../text/reason.ts';
import { decodeMessage, encodeEvent, encodeMessage, type NatsMessage } from './message.ts';
import type { NatsSubjects } from './subjects.ts';

export interface BroLinkOptions {
  readonly client: NatsConnection;
  readonly subjects: NatsSubjects;
  readonly server: string;
  readonly host: string;
  /** Topic prefixes that the Bro listens to: said in its hello, and not to be changed later. */
  readonly filter: readonly string[];
  readonly timings: Timings;
  readonly clock: Clock;
  readonly onClosed: () => void;
}

/** A Bro's link with one host, over the connection to the server that it shares with all. */
export class BroLink {
  /** The connection, as its owner sees it. */
  readonly lifecycle: ConnectionLifecycle;
  readonly #options: BroLinkOptions;
  readonly #subject: string;
  readonly #watch: SilenceWatch;

  constructor(options: BroLinkOptions, handlers: HandlersFor) {
    const { host, subjects, clock, timings } = options;
    this.#options = options;
    this.#subject = subjects.host(host);
    this.lifecycle = new ConnectionLifecycle({ ...options, peerName: `host ${host}` }, handlers);
    const { lifecycle } = this;
    this.#watch = new SilenceWatch(clock, timings, {
      onIdle: () => void this.#confirm().catch(() => {}),
      onSuspect: (suspect) => lifecycle.handlers.onSuspect(suspect),
      onLost: (silence) => lifecycle.close('unresponsive', `host ${host} sent nothing for ${silence} ms`),
    });
  }

  /** The host has sent its hello with these topics. */
  up(endpoint: string, filter: readonly string[] | undefined): void {
    const { lifecycle } = this;
    lifecycle.up(
      {
        end: () => this.#watch.stop(),
        // The host hears of it by what is said to all.
        goodbye: () => lifecycle.close('left', `disconnected from ${lifecycle.peerName}`),
      },
      {
        send: (topic, events) => this.#send(topic, events),
        confirm: () => this.#confirm(),
      },
      {
        incarnation: endpoint,
        filter,
        transport: 'nats',
        authenticated: false,
        version: '',
        confirms: true,
      },
    );
  }

  /** A message of the host arrived. */
  receive(message: NatsMessage): void {
    const { lifecycle } = this;
    if (lifecycle.isClosed) return;
    this.#watch.heard();
    if (message.type === 'filter') lifecycle.handlers.onFilter(message.filter);
    else if (message.type === 'gone')
      lifecycle.close('goodbye', `${lifecycle.peerName} disconnected (clean shutdown)`);
    else if (message.type === 'events' && matchesFilter(this.#options.filter, message.topic)) {
      for (const event of message.events) {
        if (!lifecycle.isClosed) lifecycle.handlers.onEvent(message.topic, event);
      }
    }
  }

  heard(): void {
    this.#watch.heard();
  }

  /** To this host alone, whatever the topic: what is for all or for a group goes to each on its own link. */
  async #send(topic: string, events: readonly ZeekEvent[]): Promise<void> {
    const { client } = this.#options;
    for (const event of events) client.publish(this.#subject, encodeEvent(topic, event));
    await client.flush();
  }

  async #confirm(): Promise<void> {
    const { client, host, server, timings } = this.#options;
    const question = encodeMessage({ type: 'ping' });
    const timeout = timings.suspect + timings.unresponsive;
    try {
      const { data } = await client.request(this.#subject, question, { timeout });
      if (decodeMessage(data).type !== 'pong') throw new Error('it reconnected');
      this.#watch.heard();
    } catch (error) {
      this.lifecycle.close('reset', `host ${host} is no longer connected to ${server} (${reasonOf(error)})`);
    }
    // Rejects with the reason if it has closed.
    if (this.lifecycle.isClosed) await this.lifecycle.confirm();
  }
}
