import type { Msg, NatsConnection, Subscription } from 'nats';
import type { Clock, Closed } from '../broker/connection.ts';
import { binaryTopic } from './binary-events.ts';
import { FrameUnwrapper, HostSession } from './host-session-client.ts';
import { rethrowing } from './link-client.ts';
import { encodeMessage, type NatsMessage, readMessage } from './message.ts';
import { inBinary } from './stream-rows.ts';
import { hostOfSubject, type NatsSubjects } from './subjects.ts';

/** What a host says, and that it is gone. */
export interface HostHandlers {
  /** An event, or several, in Broker's binary form. */
  hear(topic: string, payload: Uint8Array): void;
  listen(filter: readonly string[]): void;
  /** It is gone; `isHandedOver`: another gateway serves it. */
  ended(closed: Closed, isHandedOver: boolean): void;
}

/** A host that has said hello. */
export interface HostArrival {
  readonly id: string;
  readonly endpointId: string;
  readonly filter: readonly string[];
  readonly session: HostSession;
}

export interface PartitionHostsOptions {
  readonly client: NatsConnection;
  readonly subjects: NatsSubjects;
  readonly clock: Clock;
  /** The Zeek's incarnation, which is who hosts take the gateway for. */
  readonly incarnation: string;
  /** Where hosts answer pings; the host's id follows. */
  readonly pongs: string;
  /** The answer to a host that is let in. */
  readonly welcome: () => NatsMessage & { readonly type: 'bro' };
  /** The host's turn has come: handlers of what it says, or why it may not come in; undefined: not now. */
  readonly admit: (arrival: HostArrival) => Promise<HostHandlers | string | undefined>;
  readonly onRefused: (host: string, reason: string) => void;
  readonly onTrouble: (trouble: string) => void;
}

interface Present {
  readonly session: HostSession;
  readonly handlers: HostHandlers;
}

const UNREACHABLE: Closed = {
  ...{ code: 'reset', message: 'the NATS server is out of reach', refused: false },
};
const MOVED: Closed = { code: 'moved', message: 'another gateway serves this host', refused: false };

/** The hosts of the partitions that a gateway serves: who says hello is let in, and heard until it goes. */
export class PartitionHosts {
  readonly #options: PartitionHostsOptions;
  readonly #hosts = new Map<string, Present>();
  readonly #subscriptions = new Map<number, readonly Subscription[]>();
  readonly #unwrapper = new FrameUnwrapper();

  constructor(options: PartitionHostsOptions) {
    this.#options = options;
    const { client, pongs } = options;
    client.subscribe(`${pongs}.*`, {
      callback: rethrowing((error: Error | null, raw: Msg) => {
        if (!error) this.#hosts.get(hostOfSubject(raw.subject))?.session.heard();
      }),
    });
  }

  /** Hosts that are there. */
  get count(): number {
    return this.#hosts.size;
  }

  /** Serves the hosts of a partition from now on. */
  serve(partition: number): void {
    const any = this.#options.subjects.inPartition(partition, '*');
    const listen = (subject: string, take: (host: string, raw: Msg) => void) =>
      this.#options.client.subscribe(subject, {
        callback: rethrowing((error: Error | null, raw: Msg) => {
          if (error) this.#options.onTrouble(`subscribing to ${subject}: ${error.message}`);
          else take(hostOfSubject(raw.subject), raw);
        }),
      });
    this.#subscriptions.set(partition, [
      listen(any.hello, (host, raw) => this.#hello(partition, host, raw)),
      listen(any.announce, (host, raw) => this.#word(host, raw)),
    ]);
  }

  /** Serves them no longer; `isHandedOver`: another gateway does. */
  leave(partition: number, isHandedOver: boolean): void {
    const subscriptions = this.#subscriptions.get(partition) ?? [];
    this.#subscriptions.delete(partition);
    if (!this.#options.client.isClosed())
      for (const subscription of subscriptions) subscription.unsubscribe();
    for (const { session } of [...this.#hosts.values()])
      if (session.partition === partition) session.end(isHandedOver ? MOVED : UNREACHABLE, isHandedOver);
  }

  #hello(partition: number, host: string, raw: Msg): void {
    const read = readMessage(raw);
    if ('problem' in read) {
      this.#options.onRefused(host, read.problem);
      return;
    }
    const { message } = read;
    if (message.type === 'ping') {
      const present = this.#hosts.get(host);
      if (present) present.session.answer(raw);
      else raw.respond(encodeMessage({ type: 'stranger' }));
    } else if (message.type === 'hello' && message.host === host) {
      void this.#admit(partition, message, raw);
    } else if (message.type === 'hello') {
      const reason = `it says that it is ${message.host}, but its subject is that of ${host}`;
      this.#options.onRefused(host, reason);
      raw.respond(encodeMessage({ type: 'refused', reason }));
    }
  }

  async #admit(
    partition: number,
    { host, endpoint, filter }: Extract<NatsMessage, { readonly type: 'hello' }>,
    raw: Msg,
  ): Promise<void> {
    const { client, subjects, incarnation, pongs, clock, admit, welcome } = this.#options;
    const session: HostSession = new HostSession({
      ...{ client, subjects, host, partition, incarnation, pongs, clock, unwrapper: this.#unwrapper },
      onClosed: (closed, isHandedOver) => {
        const present = this.#hosts.get(host);
        if (present?.session !== session) return;
        this.#hosts.delete(host);
        present.handlers.ended(closed, isHandedOver);
      },
    });
    // It says hello anew: its former life is over, whatever has become of it.
    const former = this.#hosts.get(host);
    former?.session.end({ code: 'redundant', message: `${host} has reconnected`, refused: false }, true);
    const handlers = await admit({ id: host, endpointId: endpoint, filter, session });
    if (typeof handlers === 'string') raw.respond(encodeMessage({ type: 'refused', reason: handlers }));
    if (typeof handlers !== 'object') return;
    if (!this.#subscriptions.has(partition) || client.isClosed()) {
      handlers.ended(MOVED, true);
      return;
    }
    this.#hosts.set(host, { session, handlers });
    raw.respond(encodeMessage(welcome()));
  }

  /** What a host says that is no row. */
  #word(host: string, raw: Msg): void {
    const present = this.#hosts.get(host);
    if (!present) return;
    const { session, handlers } = present;
    session.heard();
    const topic = binaryTopic(raw.headers);
    const read = topic === undefined ? readMessage(raw) : undefined;
    if (topic !== undefined) handlers.hear(topic, raw.data);
    else if (read && 'problem' in read) this.#options.onRefused(host, read.problem);
    else if (read?.message.type === 'filter') handlers.listen(read.message.filter);
    else if (read?.message.type === 'events')
      handlers.hear(read.message.topic, inBinary(read.message.events));
    else if (read?.message.type === 'gone') {
      session.end(
        { code: 'goodbye', message: `${host} disconnected (clean shutdown)`, refused: false },
        false,
      );
    }
  }
}
