import type { Clock, Closed, Connection, Timings } from '../broker/connection.ts';
import type { BrokerAddress } from '../broker/endpoint-connection.ts';
import { connectEndpoint } from '../broker/endpoint-connection.ts';
import { systemClock } from '../broker/system-clock.ts';
import type { TlsSettings } from '../broker/tls.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import { hostFacts, zeekFacts } from './facts.ts';
import type { ConsoleRequest, HostFacts, Item, ListName, Question, ZeekFacts } from './model.ts';
import { type ConsoleTopics, consoleName, consoleTopics, decodeItems, encodeRequest } from './protocol.ts';

/** Milliseconds between signs of life. */
const HEARTBEAT = 5_000;
/** Milliseconds for the Zeek's first word. */
const WELCOME_PATIENCE = 10_000;
/** Milliseconds of silence in a list that is asked for. */
const LIST_PATIENCE = 60_000;

export interface SessionOptions {
  readonly address: BrokerAddress;
  readonly tls: TlsSettings;
  /** Who asks, for the Zeek's log. */
  readonly user: string;
  readonly version: string;
  /** A random UUID each. */
  readonly randomId: () => string;
  /** Of the topics; `/bro/osquery` where the Zeek is not set otherwise. */
  readonly topicPrefix: string;
  /** Milliseconds for the Zeek's first word; 10,000 by default. */
  readonly patience?: number;
  readonly timings?: Partial<Timings>;
  readonly clock?: Clock;
  /** Something was wrong that the session survives. */
  readonly onProblem: (problem: string) => void;
}

/**
 * A console's session can't begin, or has ended: `connect` (the message says why), `no-console` (the Zeek does not answer
 * consoles), `closed`, `refused` (a request was not granted).
 */
export class ConsoleError extends Error {
  readonly code: 'connect' | 'no-console' | 'closed' | 'refused';

  constructor(code: ConsoleError['code'], message: string) {
    super(message);
    this.name = 'ConsoleError';
    this.code = code;
  }
}

/** A query that has been asked. */
export interface Asked {
  readonly request: string;
  /** Ends it at the Zeek and on its hosts; the item `ended` follows. */
  stop(reason?: string): void;
}

/** Talks with a Zeek that loads `osquery/console`. */
export class ConsoleSession {
  readonly client: string;
  /** Rejects, with ConsoleError, once the session has ended; never resolves. */
  readonly ended: Promise<never>;
  readonly #options: SessionOptions;
  readonly #topics: ConsoleTopics;
  readonly #clock: Clock;
  readonly #listeners = new Map<string, (item: Item) => void>();
  readonly #connection: Connection;
  readonly #end = Promise.withResolvers<never>();
  readonly #opened = Promise.withResolvers<ZeekFacts>();
  #received = 0;
  #acknowledged = 0;
  #heartbeat: unknown;
  #isClosed = false;
  #lastProblem = '';
  #zeekVersion = '';

  private constructor(options: SessionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.client = options.randomId();
    this.#topics = consoleTopics(options.topicPrefix);
    this.ended = this.#end.promise;
    // Who has nobody waiting for it must not end the process.
    this.ended.catch(() => {});
    this.#opened.promise.catch(() => {});
    this.#connection = connectEndpoint(
      options.address,
      {
        endpointId: options.randomId(),
        applicationName: consoleName(this.client),
        filter: [this.#topics.client(this.client)],
        tls: options.tls,
        ...(options.timings && { timings: options.timings }),
        ...(options.clock && { clock: options.clock }),
      },
      {
        onPhase: () => {},
        onUp: (remote) => this.#up(remote.version),
        onEvent: (_topic, event) => this.#hear(event),
        onFilter: () => {},
        onSuspect: () => {},
        onProblem: (problem) => this.#problem(problem),
        onClosed: (closed) => this.#closed(closed),
      },
    );
  }

  /** Connects and has the Zeek know us. @throws ConsoleError */
  static async open(options: SessionOptions): Promise<{ session: ConsoleSession; zeek: ZeekFacts }> {
    const session = new ConsoleSession(options);
    try {
      return { session, zeek: await Promise.race([session.#opened.promise, session.ended]) };
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Of the Zeek; empty if not known. */
  get zeekVersion(): string {
    return this.#zeekVersion;
  }

  /** Asks a query; what comes of it goes to `onItem`, `refused` or `ended` last. */
  ask(question: Question, onItem: (item: Item) => void): Asked {
    const request = this.#options.randomId();
    this.#listeners.set(request, (item) => {
      if (item.kind === 'ended' || item.kind === 'refused') this.#listeners.delete(request);
      onItem(item);
    });
    this.#send({ type: 'ask', client: this.client, request, question });
    return {
      request,
      stop: (reason = '') => this.#send({ type: 'stop', client: this.client, request, reason }),
    };
  }

  /** @throws ConsoleError `refused`, or if the session ends */
  async list(what: ListName, host = ''): Promise<readonly Item[]> {
    const request = this.#options.randomId();
    const items: Item[] = [];
    const done = Promise.withResolvers<readonly Item[]>();
    let timer: unknown;
    const wait = () => {
      this.#clock.clearTimeout(timer);
      timer = this.#clock.setTimeout(() => {
        const seconds = LIST_PATIENCE / 1_000;
        done.reject(new ConsoleError('closed', `Zeek has sent nothing of its list for ${seconds} s`));
      }, LIST_PATIENCE);
    };
    this.#listeners.set(request, (item) => {
      wait();
      if (item.kind === 'complete') done.resolve(items);
      else if (item.kind === 'refused') done.reject(new ConsoleError('refused', item.text));
      else items.push(item);
    });
    wait();
    this.#send({ type: 'list', client: this.client, request, what, host });
    try {
      return await Promise.race([done.promise, this.ended]);
    } finally {
      this.#clock.clearTimeout(timer);
      this.#listeners.delete(request);
    }
  }

  /** All hosts that the Zeek knows, in the order of their names. @throws as {@link list} */
  async hosts(): Promise<readonly HostFacts[]> {
    const items = await this.list('hosts');
    return items
      .flatMap((item) => (item.kind === 'host' ? (hostFacts(item) ?? []) : []))
      .toSorted((one, other) => (one.name || one.id).localeCompare(other.name || other.id));
  }

  /** Ends the session, and with it whatever it asked for. Never rejects. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#clock.clearTimeout(this.#heartbeat);
    await this.#connection
      .send(this.#topics.requests, [encodeRequest({ type: 'close', client: this.client })])
      .catch(() => {});
    await this.#connection.leave();
  }

  /** Ends like a killed process. */
  destroy(): void {
    this.#connection.destroy();
  }

  #up(zeekVersion: string): void {
    const { user, version } = this.#options;
    this.#zeekVersion = zeekVersion;
    this.#send({ type: 'open', client: this.client, user, version });
    this.#heartbeat = this.#clock.setTimeout(() => {
      this.#fail(new ConsoleError('no-console', this.#noConsole()));
    }, this.#options.patience ?? WELCOME_PATIENCE);
  }

  #noConsole(): string {
    const said = this.#lastProblem === '' ? '' : `; it said: ${this.#lastProblem}`;
    return `this Zeek does not answer consoles: it has to load osquery/console (of the package in version 1.2.0 or later)${said}`;
  }

  #beat(): void {
    this.#clock.clearTimeout(this.#heartbeat);
    this.#heartbeat = this.#clock.setTimeout(() => {
      this.#acknowledge();
      this.#beat();
    }, HEARTBEAT);
  }

  #acknowledge(): void {
    this.#acknowledged = this.#received;
    this.#send({ type: 'alive', client: this.client, received: this.#received });
  }

  #hear(event: ZeekEvent): void {
    const said = decodeItems(event);
    if (said?.client !== this.client) return;
    this.#received = said.number;
    for (const item of said.items) this.#take(item);
    // A full window of the Zeek's is 16 messages: it goes on before it has to wait.
    if (this.#received - this.#acknowledged >= 4) this.#acknowledge();
  }

  #take(item: Item): void {
    if (item.kind === 'opened') {
      const facts = zeekFacts(item);
      if (!facts) return;
      this.#beat();
      this.#opened.resolve(facts);
      return;
    }
    this.#listeners.get(item.request)?.(item);
  }

  #problem(problem: string): void {
    this.#lastProblem = problem;
    // What it says to an event that it does not know.
    if (this.#received === 0 && /deserialization_failed/.test(problem)) {
      this.#fail(new ConsoleError('no-console', this.#noConsole()));
      return;
    }
    this.#options.onProblem(problem);
  }

  #send(request: ConsoleRequest): void {
    this.#connection.send(this.#topics.requests, [encodeRequest(request)]).catch((error: Error) => {
      if (!this.#isClosed) this.#options.onProblem(error.message);
    });
  }

  #fail(error: ConsoleError): void {
    this.#opened.reject(error);
    this.#end.reject(error);
  }

  #closed({ code, message }: Closed): void {
    this.#isClosed = true;
    this.#clock.clearTimeout(this.#heartbeat);
    const isUp = this.#zeekVersion !== '' || this.#received > 0;
    this.#fail(
      new ConsoleError(isUp ? 'closed' : 'connect', code === 'left' ? 'the session is closed' : message),
    );
  }
}
