import { isIP } from 'node:net';
import type { NatsConnection as Client, Msg } from 'nats';
import {
  type Clock,
  type Closed,
  type Connection,
  ConnectionError,
  type ConnectionHandlers,
  DEFAULT_TIMINGS,
  type Timings,
} from '../broker/connection.ts';
import { matchesFilter } from '../broker/handshake-messages.ts';
import { SilenceWatch } from '../broker/silence-watch.ts';
import { systemClock } from '../broker/system-clock.ts';
import { ask } from './asking-client.ts';
import { endingFailure, type NatsProblem, permissionFailure } from './failures.ts';
import { Inbound } from './inbound-client.ts';
import { NatsOpenError, type NatsTarget, openNats, serverName } from './link-client.ts';
import { encodeMessage, type NatsMessage } from './message.ts';
import { Outbound } from './outbound-client.ts';
import { RowStream, StreamError } from './stream-client.ts';
import { type NatsSubjects, natsSubjects } from './subjects.ts';

export interface NatsConnectOptions extends NatsTarget {
  /** The host's id: names its subjects. */
  readonly hostId: string;
  readonly endpointId: string;
  /** Topics that we want. */
  readonly filter: readonly string[];
  readonly timings?: Partial<Timings>;
  readonly clock?: Clock;
}

/**
 * Connects a host to the Bro behind a NATS server. Never throws: whatever fails comes as `onClosed`.
 *
 * It is up once a Bro has answered on the prefix's subject `hello`: a server alone would take rows that nobody gets.
 * The answer's id is the incarnation; a Bro says its id again every few seconds, and one that has started anew, or
 * goes, ends the connection, to be made anew. The server's own restart changes nothing but the connection.
 */
export function connectNats(options: NatsConnectOptions, handlers: ConnectionHandlers): Connection {
  const connection = new HostConnection(options, handlers);
  // Not before the caller has the connection that it is told about.
  queueMicrotask(() => void connection.start());
  return connection;
}

type Bro = Extract<NatsMessage, { readonly type: 'bro' }>;

class HostConnection implements Connection {
  readonly #options: NatsConnectOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #clock: Clock;
  readonly #timings: Timings;
  readonly #server: string;
  readonly #subjects: NatsSubjects;
  readonly #rivals = new Set<string>();
  readonly #finished = Promise.withResolvers<void>();
  #filter: readonly string[];
  #client: Client | undefined;
  #inbound: Inbound | undefined;
  #outbound: Outbound | undefined;
  #watch: SilenceWatch | undefined;
  #bro: Bro | undefined;
  #deadline: unknown;
  #greeting = false;
  #leaving = false;
  #closed: Closed | undefined;

  constructor(options: NatsConnectOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#filter = options.filter;
    this.#clock = options.clock ?? systemClock;
    this.#timings = { ...DEFAULT_TIMINGS, ...options.timings };
    this.#server = serverName(options);
    this.#subjects = natsSubjects(options.settings.prefix);
  }

  async start(): Promise<void> {
    if (this.#closed) return;
    this.#handlers.onPhase(isIP(this.#options.host) ? 'connecting' : 'resolving');
    try {
      const client = await openNats(this.#options, this.#timings);
      if (this.#closed) void client.close();
      else await this.#opened(client);
    } catch (error) {
      if (error instanceof NatsOpenError || error instanceof StreamError) this.#end(error.closed);
      else this.#end(endingFailure(error as NatsProblem, this.#server));
    }
  }

  send(topic: string, events: Parameters<Connection['send']>[1]): Promise<void> {
    if (!this.#outbound || !this.#bro || this.#leaving) return this.#notUp();
    return this.#outbound.send(topic, events);
  }

  confirm(): Promise<void> {
    return this.#bro && this.#outbound ? this.#outbound.confirm() : this.#notUp();
  }

  subscribe(filter: readonly string[]): void {
    this.#filter = filter;
    if (this.#closed) return;
    this.#listen();
    if (this.#bro) this.#say({ type: 'filter', filter });
  }

  async leave(): Promise<void> {
    if (this.#closed || this.#leaving) return this.#finished.promise;
    this.#leaving = true;
    this.#watch?.stop();
    if (!this.#client || !this.#bro) return this.destroy();
    this.#say({ type: 'gone', id: this.#options.hostId });
    const { leave } = this.#timings;
    this.#expect(leave, 'left', `left ${this.#server}, which gave no answer within ${leave} ms`);
    void this.#client.drain().catch(() => {});
    await this.#finished.promise;
  }

  destroy(): void {
    this.#close('left', `closed the connection to ${this.#server}`);
  }

  async #opened(client: Client): Promise<void> {
    this.#client = client;
    const { jetstream } = this.#options.settings;
    const { handshake } = this.#timings;
    const advice = `is one there that uses the prefix ${this.#subjects.prefix}? (bro-osquery bro --nats)`;
    const missing = `no Bro has answered at ${this.#server} within ${handshake} ms: ${advice}`;
    this.#expect(handshake, 'handshake-timeout', missing);
    void client.closed().then((error) => {
      if (this.#leaving) this.#close('left', `left ${this.#server}`);
      else this.#end(endingFailure(error ?? undefined, this.#server));
    });
    void this.#followStatus(client);
    this.#handlers.onPhase('handshaking');
    if (this.#closed) return;
    this.#inbound = new Inbound(client, {
      onMessage: (message, raw) => this.#onMessage(message, raw),
      onProblem: (problem) => this.#problem(problem),
      onDenied: (subject) => this.#end(permissionFailure('subscription', subject, this.#server)),
    });
    this.#listen();
    const stream =
      jetstream === 'off' ? undefined : await RowStream.open(client, this.#subjects, jetstream, this.#server);
    if (this.#closed) return;
    this.#outbound = new Outbound({
      connection: client,
      subjects: this.#subjects,
      host: this.#options.hostId,
      stream,
      server: this.#server,
      askBro: async () => {
        if (this.#bro?.confirms) await this.#ping();
      },
      onProblem: (problem) => this.#problem(problem),
      onFailure: (closed) => this.#end(closed),
    });
    await this.#greet().catch(() => {});
  }

  /** Asks for the Bro. If none is there, one that comes says so, and is asked then. */
  async #greet(): Promise<void> {
    if (this.#greeting || this.#bro) return;
    this.#greeting = true;
    const { hostId: host, endpointId: endpoint } = this.#options;
    const filter = this.#filter;
    const answer = await this.#ask(this.#subjects.hello, { type: 'hello', host, endpoint, filter });
    this.#greeting = false;
    if (typeof answer === 'object' && answer.type === 'bro') this.#up(answer);
  }

  #up(bro: Bro): void {
    if (this.#closed || this.#bro || this.#leaving) return;
    this.#clock.clearTimeout(this.#deadline);
    this.#bro = bro;
    this.#watch = new SilenceWatch(this.#clock, this.#timings, {
      onIdle: () => void this.#ping().catch(() => {}),
      onSuspect: (suspect) => this.#handlers.onSuspect(suspect),
      onLost: (silence) =>
        this.#close('unresponsive', `the Bro at ${this.#server} was silent for ${silence} ms`),
    });
    const { secure, settings } = this.#options;
    this.#handlers.onUp({
      incarnation: bro.id,
      filter: bro.filter,
      transport: 'nats',
      authenticated: secure,
      version: bro.version,
      confirms: settings.jetstream !== 'off' || bro.confirms,
    });
  }

  /** Resolves when the Bro has taken in all that was published before; ends the connection if there is none. */
  async #ping(): Promise<void> {
    const bro = this.#bro;
    if (!bro) return;
    const answer = await this.#ask(this.#subjects.helloTo(bro.id), { type: 'ping' });
    if (answer === 'nobody') this.#close('reset', `the Bro ${bro.id} is at ${this.#server} no more`);
    else if (answer === 'silent') {
      this.#close('unresponsive', `the Bro ${bro.id} at ${this.#server} gives no answer`);
    } else if (answer?.type === 'stranger') {
      this.#close('reset', `the Bro at ${this.#server} knows this host no more`);
    }
    if (this.#closed) throw new ConnectionError(this.#closed.code, this.#closed.message);
    this.#watch?.heard();
  }

  async #ask(
    subject: string,
    message: Parameters<typeof encodeMessage>[0],
  ): Promise<NatsMessage | 'nobody' | 'silent' | undefined> {
    const outbound = this.#outbound;
    if (!this.#client || !outbound) return undefined;
    const { suspect, unresponsive } = this.#timings;
    const question = { subject, message, headers: outbound.header, timeout: suspect + unresponsive };
    const asked = await outbound.orFailure(ask(this.#client, { ...question, server: this.#server }));
    switch (asked.outcome) {
      case 'answered':
        return asked.answer;
      case 'failed':
        this.#end(asked.closed);
        return undefined;
      default:
        return asked.outcome;
    }
  }

  #own(): string {
    return this.#subjects.host(this.#options.hostId);
  }

  #listen(): void {
    const topics = this.#filter.map((topic) => this.#subjects.ofTopic(topic));
    this.#inbound?.listen(new Set([this.#subjects.bro, this.#own(), ...topics]));
  }

  #onMessage(message: NatsMessage, raw: Msg): void {
    if (this.#closed) return;
    this.#watch?.heard();
    if (raw.subject === this.#subjects.bro) this.#onBro(message);
    else if (message.type === 'ping') {
      raw.respond(encodeMessage({ type: this.#bro ? 'pong' : 'stranger' }));
    } else if (message.type === 'events' && this.#bro) this.#onEvents(message, raw.subject);
  }

  #onEvents({ topic, events }: Extract<NatsMessage, { type: 'events' }>, subject: string): void {
    // Who may address this host may say anything to it; else the subject, which permissions are for, must fit.
    if (subject !== this.#own() && subject !== this.#subjects.ofTopic(topic)) {
      this.#problem(`a message on ${subject} for ${topic}, which does not go there: left alone`);
      return;
    }
    if (!matchesFilter(this.#filter, topic)) return;
    for (const event of events) {
      if (!this.#closed) this.#handlers.onEvent(topic, event);
    }
  }

  #onBro(message: NatsMessage): void {
    if (message.type === 'gone' && message.id === this.#bro?.id) {
      this.#close('goodbye', `the Bro at ${this.#server} left in good order`);
    }
    if (message.type !== 'bro') return;
    if (!this.#bro) void this.#greet().catch(() => {});
    else if (message.id !== this.#bro.id) void this.#onRival(message.id).catch(() => {});
    // It was away and may not know us any more, which its answer shows.
    else if (message.session !== this.#bro.session) void this.#ping().catch(() => {});
  }

  /** Another Bro: in the place of ours, which then answers no more, or beside it by mistake. */
  async #onRival(id: string): Promise<void> {
    if (this.#rivals.has(id)) return;
    this.#rivals.add(id);
    await this.#ping();
    const advice = 'give each a prefix of its own';
    this.#problem(`a second Bro (${id}) uses the prefix ${this.#subjects.prefix}: ${advice}`);
  }

  async #followStatus(client: Client): Promise<void> {
    for await (const { type, permissionContext } of client.status()) {
      if (permissionContext) {
        const { operation, subject } = permissionContext;
        this.#end(permissionFailure(operation, subject, this.#server));
      } else if (type === 'ldm') {
        this.#problem('the server is about to stop (lame duck mode): going elsewhere, or coming back');
        await this.#client?.flush().catch(() => {});
        this.#close('goodbye', `${this.#server} asked its clients to go (lame duck mode)`);
      }
    }
  }

  #say(message: Parameters<typeof encodeMessage>[0]): void {
    if (!this.#outbound) return;
    this.#client?.publish(this.#subjects.announce, encodeMessage(message), {
      headers: this.#outbound.header,
    });
  }

  #expect(milliseconds: number, code: Closed['code'], message: string): void {
    this.#clock.clearTimeout(this.#deadline);
    this.#deadline = this.#clock.setTimeout(() => this.#close(code, message), milliseconds);
  }

  #problem(problem: string): void {
    if (!this.#closed) this.#handlers.onProblem(`${this.#server}: ${problem}`);
  }

  #close(code: Closed['code'], message: string): void {
    this.#end({ code, message, refused: false });
  }

  #end(closed: Closed): void {
    if (this.#closed) return;
    this.#closed = closed;
    this.#clock.clearTimeout(this.#deadline);
    this.#watch?.stop();
    this.#outbound?.fail(new ConnectionError(closed.code, closed.message));
    void this.#client?.close();
    this.#handlers.onClosed(closed);
    this.#finished.resolve();
  }

  #notUp(): Promise<never> {
    const { code, message } = this.#closed ?? {
      code: 'not-up' as const,
      message: `the connection to ${this.#server} ${this.#leaving ? 'is being left' : 'is not up yet'}`,
    };
    return Promise.reject(new ConnectionError(code, message));
  }
}
