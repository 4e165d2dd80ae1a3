import type { NatsConnection } from 'nats';
import {
  type Clock,
  type Closed,
  type Connection,
  ConnectionError,
  type ConnectionHandlers,
  type Timings,
} from '../broker/connection.ts';
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
  /** Topic prefixes that the Bro listens to. */
  readonly filter: readonly string[];
  readonly timings: Timings;
  readonly clock: Clock;
}

/** A Bro's link with one host, over the connection to the server that it shares with all. */
export class BroLink implements Connection {
  readonly #options: BroLinkOptions;
  readonly #subject: string;
  readonly #watch: SilenceWatch;
  #handlers: ConnectionHandlers | undefined;
  #closed: Closed | undefined;

  constructor(options: BroLinkOptions) {
    this.#options = options;
    this.#subject = options.subjects.host(options.host);
    this.#watch = new SilenceWatch(options.clock, options.timings, {
      onIdle: () => void this.confirm().catch(() => {}),
      onSuspect: (suspect) => this.#handlers?.onSuspect(suspect),
      onLost: (silence) => this.close('unresponsive', `host ${options.host} was silent for ${silence} ms`),
    });
  }

  /** The host has said hello with these topics. */
  up(handlers: ConnectionHandlers, endpoint: string, filter: readonly string[] | undefined): void {
    this.#handlers = handlers;
    handlers.onUp({
      incarnation: endpoint,
      filter,
      transport: 'nats',
      authenticated: false,
      version: '',
      confirms: true,
    });
  }

  /** The host has said something. */
  receive(message: NatsMessage): void {
    if (this.#closed) return;
    this.#watch.heard();
    if (message.type === 'filter') this.#handlers?.onFilter(message.filter);
    else if (message.type === 'gone') {
      this.close('goodbye', `host ${this.#options.host} left in good order`);
    } else if (message.type === 'events' && matchesFilter(this.#options.filter, message.topic)) {
      for (const event of message.events) {
        if (!this.#closed) this.#handlers?.onEvent(message.topic, event);
      }
    }
  }

  heard(): void {
    this.#watch.heard();
  }

  problem(problem: string): void {
    if (!this.#closed) this.#handlers?.onProblem(problem);
  }

  /** To this host alone, whatever the topic: what is for all or for a group goes to each on its own link. */
  async send(topic: string, events: readonly ZeekEvent[]): Promise<void> {
    const { client } = this.#options;
    for (const event of events) {
      this.#assertUp();
      client.publish(this.#subject, encodeEvent(topic, event));
    }
    await client.flush();
  }

  async confirm(): Promise<void> {
    this.#assertUp();
    const { client, host, server, timings } = this.#options;
    const question = encodeMessage({ type: 'ping' });
    const timeout = timings.suspect + timings.unresponsive;
    try {
      const { data } = await client.request(this.#subject, question, { timeout });
      if (decodeMessage(data).type !== 'pong') throw new Error('it began anew');
      this.#watch.heard();
    } catch (error) {
      this.close('reset', `host ${host} is at ${server} no more (${reasonOf(error)})`);
    }
    this.#assertUp();
  }

  /** What a Bro listens to is said in its hello, and can't be changed later. */
  subscribe(): void {}

  leave(): Promise<void> {
    this.close('left', `left host ${this.#options.host}`);
    return Promise.resolve();
  }

  destroy(): void {
    this.close('left', `closed the link to host ${this.#options.host}`);
  }

  close(code: Closed['code'], message: string): void {
    if (this.#closed) return;
    this.#closed = { code, message, refused: false };
    this.#watch.stop();
    this.#handlers?.onClosed(this.#closed);
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  #assertUp(): void {
    if (this.#closed) throw new ConnectionError(this.#closed.code, this.#closed.message);
  }
}
