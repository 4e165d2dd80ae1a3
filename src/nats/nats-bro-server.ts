import type { Msg, MsgHdrs, NatsConnection } from 'nats';
import { type Clock, DEFAULT_TIMINGS, type Timings } from '../broker/connection.ts';
import type { Accept, Listener } from '../broker/listening-server.ts';
import { systemClock } from '../broker/system-clock.ts';
import { untoken } from '../text/subject-token.ts';
import { BroLink } from './bro-link-client.ts';
import { type NatsTarget, openNats, rethrowing, serverName } from './link-client.ts';
import { encodeMessage, HOST_HEADER, type NatsMessage, readMessage } from './message.ts';
import { RowConsumer } from './row-consumer-client.ts';
import { type NatsSubjects, natsSubjects } from './subjects.ts';

export interface NatsListenOptions extends NatsTarget {
  /** The Bro's endpoint id: its incarnation to the hosts. */
  readonly endpointId: string;
  readonly version: string;
  /** Topic prefixes that the Bro listens to. */
  readonly filter: readonly string[];
  readonly timings?: Partial<Timings>;
  readonly clock?: Clock;
  /** Something went wrong that concerns no host alone. */
  readonly onProblem?: (problem: string) => void;
}

/** A message as it comes, from a subject or a stream. */
interface Raw {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: MsgHdrs | undefined;
}

/** Milliseconds between two presence messages to all hosts: less than the silence after which they ask. */
const BEAT = 5_000;

/**
 * Takes a Bro's place at a NATS server: answers hosts that say hello, and gives each a connection of its own. A server
 * that goes away is waited for. With JetStream rows come from the stream, those that came while no Bro was there
 * among them, and are taken off it one by one.
 * @throws NatsOpenError if the server can't be reached at first, StreamError
 */
export async function listenNats(options: NatsListenOptions, accept: Accept): Promise<Listener> {
  const timings = { ...DEFAULT_TIMINGS, ...options.timings };
  const client = await openNats(options, timings, 'lasting');
  const bro = new BroAtNats(client, options, timings, accept);
  try {
    await bro.start();
  } catch (error) {
    await client.close();
    throw error;
  }
  return bro;
}

class BroAtNats implements Listener {
  readonly port: number;
  readonly #client: NatsConnection;
  readonly #options: NatsListenOptions;
  readonly #timings: Timings;
  readonly #clock: Clock;
  readonly #accept: Accept;
  readonly #subjects: NatsSubjects;
  readonly #server: string;
  readonly #links = new Map<string, BroLink>();
  #rows: RowConsumer | undefined;
  #connected = true;
  #session = 1;
  #beat: unknown;

  constructor(client: NatsConnection, options: NatsListenOptions, timings: Timings, accept: Accept) {
    this.port = options.port;
    this.#client = client;
    this.#options = options;
    this.#timings = timings;
    this.#clock = options.clock ?? systemClock;
    this.#accept = accept;
    this.#subjects = natsSubjects(options.settings.prefix);
    this.#server = serverName(options);
  }

  async start(): Promise<void> {
    const { announce, everyRow, hello, helloTo } = this.#subjects;
    const { jetstream } = this.#options.settings;
    this.#hear(announce, (host, message) => this.#links.get(host)?.receive(message));
    this.#hear(hello, (host, message, raw) => this.#greet(host, message, raw));
    this.#hear(helloTo(this.#options.endpointId), (host, _, raw) => this.#answer(host, raw));
    if (jetstream === 'off') this.#hear(everyRow, (host, message) => this.#takeRow(host, message));
    else {
      this.#rows = await RowConsumer.start({
        client: this.#client,
        subjects: this.#subjects,
        use: jetstream,
        server: this.#server,
        take: (raw) => this.#read(raw, (host, message) => this.#takeRow(host, message)),
        onProblem: (problem) => this.#problem(problem),
      });
    }
    void this.#followStatus();
    await this.#client.flush();
    this.#sayHere();
  }

  async close(): Promise<void> {
    this.#clock.clearTimeout(this.#beat);
    for (const link of [...this.#links.values()]) link.lifecycle.close('left', 'the Zeek has disconnected');
    this.#links.clear();
    if (this.#connected && !this.#client.isClosed()) {
      this.#client.publish(this.#subjects.bro, encodeMessage({ type: 'gone', id: this.#options.endpointId }));
      await this.#flushed();
    }
    await this.#rows?.stop();
    await this.#client.close();
  }

  #hear(subject: string, take: (host: string, message: NatsMessage, raw: Msg) => void): void {
    this.#client.subscribe(subject, {
      callback: rethrowing((error: Error | null, raw: Msg) => {
        if (error) this.#problem(`subscribing to ${subject}: ${error.message}`);
        else this.#read(raw, (host, message) => take(host, message, raw));
      }),
    });
  }

  #read(raw: Raw, take: (host: string, message: NatsMessage) => void): void {
    const host = untoken(raw.headers?.get(HOST_HEADER) ?? '');
    const read = readMessage(raw);
    if ('message' in read) take(host, read.message);
    else {
      const link = this.#links.get(host);
      if (link) link.lifecycle.notice(read.problem);
      else this.#problem(read.problem);
    }
  }

  #greet(host: string, message: NatsMessage, raw: Msg): void {
    if (message.type !== 'hello' || host === '' || host !== message.host) return;
    this.#links.get(host)?.lifecycle.close('reset', `host ${host} has reconnected`);
    raw.respond(encodeMessage(this.#self()));
    this.#link(host, message.endpoint, message.filter);
  }

  #answer(host: string, raw: Msg): void {
    const link = this.#links.get(host);
    link?.heard();
    raw.respond(encodeMessage({ type: link ? 'pong' : 'stranger' }));
  }

  /** Rows from a stream may be older than this Bro, and their host not there. */
  #takeRow(host: string, message: NatsMessage): void {
    if (host === '' || message.type !== 'events') return;
    const link = this.#links.get(host) ?? this.#link(host, '', undefined);
    link.receive(message);
  }

  #link(host: string, endpoint: string, filter: readonly string[] | undefined): BroLink {
    const link: BroLink = new BroLink(
      {
        client: this.#client,
        subjects: this.#subjects,
        server: this.#server,
        host,
        filter: this.#options.filter,
        timings: this.#timings,
        clock: this.#clock,
        onClosed: () => {
          if (this.#links.get(host) === link) this.#links.delete(host);
        },
      },
      (connection) => this.#accept(connection, `${host} at ${this.#server}`),
    );
    this.#links.set(host, link);
    link.up(endpoint, filter);
    return link;
  }

  #self(): NatsMessage & { readonly type: 'bro' } {
    const { endpointId: id, version, filter } = this.#options;
    return { type: 'bro', id, version, filter, confirms: true, session: this.#session, binary: true };
  }

  #sayHere(): void {
    this.#clock.clearTimeout(this.#beat);
    if (this.#client.isClosed()) return;
    this.#client.publish(this.#subjects.bro, encodeMessage(this.#self()));
    this.#beat = this.#clock.setTimeout(() => this.#sayHere(), BEAT);
  }

  async #followStatus(): Promise<void> {
    for await (const { type, permissionContext } of this.#client.status()) {
      if (permissionContext) {
        const { operation, subject } = permissionContext;
        this.#problem(`the server does not permit us to use ${subject} (${operation})`);
      } else if (type === 'disconnect') {
        this.#connected = false;
        this.#clock.clearTimeout(this.#beat);
        for (const link of [...this.#links.values()])
          link.lifecycle.close('reset', `lost the connection to ${this.#server}`);
      } else if (type === 'reconnect') {
        this.#session += 1;
        this.#connected = true;
        this.#sayHere();
      } else if (type === 'ldm') this.#problem('the server is about to stop (lame duck mode)');
    }
  }

  #problem(problem: string): void {
    this.#options.onProblem?.(`${this.#server}: ${problem}`);
  }

  /** Resolves when the server has taken what was sent, or after all the time that a goodbye may take. */
  async #flushed(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#clock.setTimeout(late.resolve, this.#timings.leave);
    await Promise.race([this.#client.flush(), late.promise]).catch(() => {});
    this.#clock.clearTimeout(timer);
  }
}
