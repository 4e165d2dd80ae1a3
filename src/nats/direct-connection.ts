import { isIP } from 'node:net';
import { type NatsConnection as Client, headers, type Msg, type MsgHdrs } from 'nats';
import { ByteWriter } from '../broker/byte-writer.ts';
import { CodecError } from '../broker/codec-error.ts';
import type { Connection, ConnectionHandlers, OnLeftOut } from '../broker/connection.ts';
import { ConnectionLifecycle } from '../broker/connection-lifecycle.ts';
import { SendQueue } from '../broker/send-queue.ts';
import { writeEvent, type ZeekEvent } from '../broker/zeek-event.ts';
import { BINARY_FORMAT, binaryEvents, FORMAT_HEADER } from './binary-events.ts';
import { endingFailure, permissionFailure, problemOf } from './failures.ts';
import { InFlight } from './in-flight.ts';
import { NatsOpenError, openNats, rethrowing, serverName } from './link-client.ts';
import type { NatsConnectOptions } from './nats-connection.ts';

/** Bytes after which the server is asked whether it has taken them. */
const FLUSH_EVERY = 64 * 1024;
/** Headers count as well where a server bounds what it takes. */
const HEADERS = 128;

/**
 * Connects a host to the nodes of a Zeek cluster that talk over NATS themselves (zeek-cluster-backend-nats): a topic is
 * a subject as it is, an event is a message in Broker's binary form. Never throws: whatever fails comes as `onClosed`.
 *
 * It is up once the server is reached: whether a Zeek is there only its scripts say, by asking for something. That what
 * was sent has arrived only they say as well, by acknowledging rows.
 */
export function connectDirectly(options: NatsConnectOptions, handlers: ConnectionHandlers): Connection {
  const opening = new DirectOpening(options, handlers);
  queueMicrotask(() => void opening.start());
  return opening.lifecycle;
}

class DirectOpening {
  readonly lifecycle: ConnectionLifecycle;
  readonly #options: NatsConnectOptions;
  readonly #subscriptions = new Map<string, { unsubscribe(): void }>();

  constructor(options: NatsConnectOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.lifecycle = new ConnectionLifecycle({ ...options, peerName: serverName(options) }, handlers);
  }

  async start(): Promise<void> {
    const { lifecycle } = this;
    if (lifecycle.isClosed) return;
    lifecycle.enterPhase(isIP(this.#options.host) ? 'connecting' : 'resolving');
    try {
      this.#opened(await openNats(this.#options, lifecycle.timings));
    } catch (error) {
      const { code, message, refused } =
        error instanceof NatsOpenError ? error.closed : endingFailure(problemOf(error), lifecycle.peerName);
      lifecycle.close(code, message, refused);
    }
  }

  #opened(client: Client): void {
    const { lifecycle } = this;
    const outbound = new DirectOutbound(client, lifecycle);
    const carrier = {
      end: (error: Parameters<DirectOutbound['fail']>[0]) => {
        outbound.fail(error);
        void client.close();
      },
      subscribe: (filter: readonly string[]) => this.#listen(client, filter),
    };
    lifecycle.setCarrier(carrier);
    if (lifecycle.isClosed) return;
    void client.closed().then((error) => {
      const server = lifecycle.peerName;
      if (lifecycle.at === 'leaving') return lifecycle.close('left', `disconnected from ${server}`);
      const { code, message, refused } = endingFailure(error ?? undefined, server);
      lifecycle.close(code, message, refused);
    });
    void this.#followStatus(client);
    lifecycle.enterPhase('handshaking');
    this.#listen(client, lifecycle.filter);
    client.flush().then(
      () => {
        const { secure } = this.#options;
        lifecycle.up({ ...carrier, goodbye: () => void client.drain().catch(() => {}) }, outbound, {
          // Of the server's life: a Zeek's is not known here.
          incarnation: client.info?.server_id ?? '',
          filter: undefined,
          ...{ transport: 'nats', authenticated: secure, version: '', confirms: false },
        });
      },
      () => {},
    );
  }

  /** Listens on these topics from now on, and on no others. */
  #listen(client: Client, filter: readonly string[]): void {
    const { lifecycle } = this;
    const wanted = new Set(filter.filter(isSubject));
    for (const [topic, subscription] of this.#subscriptions) {
      if (wanted.has(topic)) continue;
      subscription.unsubscribe();
      this.#subscriptions.delete(topic);
    }
    for (const topic of wanted) {
      if (this.#subscriptions.has(topic)) continue;
      const callback = rethrowing((error: Error | null, raw: Msg) => {
        if (!error && !lifecycle.isClosed) this.#take(topic, raw);
      });
      this.#subscriptions.set(topic, client.subscribe(topic, { callback }));
    }
  }

  #take(topic: string, raw: Msg): void {
    const { lifecycle } = this;
    const format = raw.headers?.get(FORMAT_HEADER) ?? '';
    try {
      if (format !== BINARY_FORMAT)
        throw new CodecError('bad-value', 0, `its format is ${format || 'not said'}`);
      for (const event of binaryEvents(raw.data))
        if (!lifecycle.isClosed) lifecycle.handlers.onEvent(topic, event);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      lifecycle.problem(`invalid message on ${topic}: ${error.message}`);
    }
  }

  async #followStatus(client: Client): Promise<void> {
    const { lifecycle } = this;
    for await (const { type, permissionContext } of client.status()) {
      if (permissionContext) {
        const { operation, subject } = permissionContext;
        const { code, message } = permissionFailure(operation, subject, lifecycle.peerName);
        lifecycle.close(code, message, true);
      } else if (type === 'ldm') {
        lifecycle.close('goodbye', `${lifecycle.peerName} asked its clients to disconnect (lame duck mode)`);
      }
    }
  }
}

/** What goes out: an event a message, no more under way than the server takes. */
class DirectOutbound {
  readonly #client: Client;
  readonly #lifecycle: ConnectionLifecycle;
  readonly #queue: SendQueue;
  readonly #inFlight = new InFlight();
  readonly #header: MsgHdrs = headers();
  readonly #writer = new ByteWriter(512);
  readonly #reported = new Set<string>();
  #unflushed = 0;

  constructor(client: Client, lifecycle: ConnectionLifecycle) {
    this.#client = client;
    this.#lifecycle = lifecycle;
    this.#queue = new SendQueue(lifecycle.peerName);
    this.#header.set(FORMAT_HEADER, BINARY_FORMAT);
  }

  send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void> {
    return this.#queue.run(async () => {
      for (const [index, event] of events.entries()) {
        const problem = isSubject(topic)
          ? this.#publish(topic, event)
          : `goes to ${topic}, which is no subject`;
        if (problem !== '') {
          onLeftOut?.(index, 'unsendable');
          this.#tell(event.name, problem);
        }
        await this.#inFlight.room();
      }
    });
  }

  /** Resolves when the server has taken what was sent. */
  confirm(): Promise<void> {
    return this.#queue.run(() => this.#inFlight.orFailure(this.#client.flush()));
  }

  fail(error: Parameters<InFlight['fail']>[0]): void {
    this.#inFlight.fail(error);
  }

  /** @returns why it can't be sent; empty: it is */
  #publish(topic: string, event: ZeekEvent): string {
    try {
      writeEvent(this.#writer.reset(), event);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      return `can't be sent there: ${error.message}`;
    }
    const payload = this.#writer.take();
    const limit = this.#client.info?.max_payload ?? Number.POSITIVE_INFINITY;
    if (payload.length + HEADERS > limit)
      return `of ${payload.length} bytes exceeds its ${limit}: raise the server's max_payload`;
    this.#client.publish(topic, payload, { headers: this.#header });
    this.#unflushed += payload.length;
    if (this.#unflushed >= FLUSH_EVERY) {
      this.#inFlight.add(this.#unflushed, this.#client.flush());
      this.#unflushed = 0;
    }
    return '';
  }

  #tell(name: string, problem: string): void {
    if (this.#reported.size >= 100 || this.#reported.has(name)) return;
    this.#reported.add(name);
    this.#lifecycle.problem(`an event ${name} ${problem}; dropped, as will be others of its kind`);
  }
}

/** Whether a topic can be a subject as it is. */
function isSubject(topic: string): boolean {
  return topic !== '' && !/[\s*>\p{Cc}]/u.test(topic) && !topic.split('.').includes('');
}
