import { isIP } from 'node:net';
import type { NatsConnection as Client } from 'nats';
import {
  type Clock,
  type Closed,
  type Connection,
  ConnectionError,
  type ConnectionHandlers,
  DEFAULT_TIMINGS,
  notUp,
  type Timings,
} from '../broker/connection.ts';
import { Deadline } from '../broker/deadline.ts';
import { systemClock } from '../broker/system-clock.ts';
import { BroPresence, type BroWord } from './bro-presence-client.ts';
import { endingFailure, permissionFailure, problemOf } from './failures.ts';
import { HostInbox } from './host-inbox-client.ts';
import { NatsOpenError, type NatsTarget, openNats, serverName } from './link-client.ts';
import { encodeMessage } from './message.ts';
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

class HostConnection implements Connection {
  readonly #options: NatsConnectOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #clock: Clock;
  readonly #timings: Timings;
  readonly #server: string;
  readonly #subjects: NatsSubjects;
  readonly #deadline: Deadline;
  readonly #finished = Promise.withResolvers<void>();
  #filter: readonly string[];
  #client: Client | undefined;
  #inbox: HostInbox | undefined;
  #outbound: Outbound | undefined;
  #presence: BroPresence | undefined;
  #leaving = false;
  #closed: Closed | undefined;

  constructor(options: NatsConnectOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#filter = options.filter;
    this.#clock = options.clock ?? systemClock;
    this.#timings = { ...DEFAULT_TIMINGS, ...options.timings };
    this.#deadline = new Deadline(this.#clock);
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
      else this.#end(endingFailure(problemOf(error), this.#server));
    }
  }

  send(...[topic, events, onLeftOut]: Parameters<Connection['send']>): Promise<void> {
    if (!this.#outbound || !this.#presence?.bro || this.#leaving) return this.#notUp();
    return this.#outbound.send(topic, events, onLeftOut);
  }

  confirm(): Promise<void> {
    return this.#presence?.bro && this.#outbound ? this.#outbound.confirm() : this.#notUp();
  }

  subscribe(filter: readonly string[]): void {
    this.#filter = filter;
    if (this.#closed) return;
    this.#inbox?.listen(filter);
    if (this.#presence?.bro) this.#say({ type: 'filter', filter });
  }

  async leave(): Promise<void> {
    if (this.#closed || this.#leaving) return this.#finished.promise;
    this.#leaving = true;
    this.#presence?.stop();
    if (!this.#client || !this.#presence?.bro) return this.destroy();
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
    this.#inbox = new HostInbox(client, this.#subjects, this.#options.hostId, {
      onMessage: () => this.#presence?.heard(),
      onBro: (message) => this.#presence?.take(message),
      onEvent: (topic, event) => this.#handlers.onEvent(topic, event),
      onProblem: (problem) => this.#problem(problem),
      onDenied: (subject) => this.#end(permissionFailure('subscription', subject, this.#server)),
    });
    this.#inbox.listen(this.#filter);
    const stream =
      jetstream === 'off' ? undefined : await RowStream.open(client, this.#subjects, jetstream, this.#server);
    if (this.#closed) return;
    const outbound = new Outbound({
      connection: client,
      subjects: this.#subjects,
      host: this.#options.hostId,
      stream,
      server: this.#server,
      askBro: async () => {
        if (this.#presence?.bro?.confirms) await this.#presence.ping();
      },
      onProblem: (problem) => this.#problem(problem),
      onFailure: (closed) => this.#end(closed),
    });
    this.#outbound = outbound;
    this.#presence = new BroPresence({
      client,
      subjects: this.#subjects,
      server: this.#server,
      timings: this.#timings,
      clock: this.#clock,
      headers: outbound.header,
      hello: () => {
        const { hostId: host, endpointId: endpoint } = this.#options;
        return { type: 'hello', host, endpoint, filter: this.#filter };
      },
      orFailure: (promise) => outbound.orFailure(promise),
      onUp: (bro) => this.#up(bro),
      onSuspect: (suspect) => this.#handlers.onSuspect(suspect),
      onProblem: (problem) => this.#problem(problem),
      onEnd: (closed) => this.#end(closed),
    });
    await this.#presence.greet().catch(() => {});
  }

  #up(bro: BroWord): void {
    if (this.#closed || this.#leaving) return;
    this.#deadline.clear();
    const { secure, settings } = this.#options;
    this.#handlers.onUp({
      incarnation: bro.id,
      filter: bro.filter,
      transport: 'nats',
      authenticated: secure,
      version: bro.version,
      confirms: settings.jetstream !== 'off' || bro.confirms,
    });
    this.#inbox?.open();
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
    this.#deadline.set(milliseconds, () => this.#close(code, message));
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
    this.#deadline.clear();
    this.#presence?.stop();
    this.#inbox?.close();
    this.#outbound?.fail(new ConnectionError(closed.code, closed.message));
    void this.#client?.close();
    this.#handlers.onClosed(closed);
    this.#finished.resolve();
  }

  #notUp(): Promise<never> {
    return notUp(this.#closed, this.#server, this.#leaving);
  }
}
