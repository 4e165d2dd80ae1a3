import { headers, type Msg, type MsgHdrs, type NatsConnection } from 'nats';
import type { Clock, Closed } from '../broker/connection.ts';
import { decodeEnvelope } from '../broker/envelope.ts';
import { markBinary } from './binary-events.ts';
import { encodeMessage } from './message.ts';
import type { NatsSubjects } from './subjects.ts';

/** A frame's message in the form that hosts at NATS take. */
interface Unwrapped {
  readonly frame: Uint8Array;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs;
}

/** Takes messages out of Broker's frames, each once for all the hosts that it goes to. */
export class FrameUnwrapper {
  #last: Unwrapped | undefined;

  unwrap(frame: Uint8Array): Unwrapped {
    if (this.#last?.frame === frame) return this.#last;
    const { topic, payload } = decodeEnvelope(frame.subarray(4));
    const own = headers();
    markBinary(own, topic);
    this.#last = { frame, payload, headers: own };
    return this.#last;
  }
}

export interface HostSessionOptions {
  readonly client: NatsConnection;
  readonly subjects: NatsSubjects;
  readonly host: string;
  readonly partition: number;
  /** The Zeek's incarnation, which is who the host takes the gateway for. */
  readonly incarnation: string;
  /** Where hosts answer pings. */
  readonly pongs: string;
  readonly clock: Clock;
  readonly unwrapper: FrameUnwrapper;
  /** Once. */
  readonly onClosed: (closed: Closed, isHandedOver: boolean) => void;
}

/** A host that has met its gateway at a NATS server, as the gateway deals with the hosts that connect to it. */
export class HostSession {
  readonly host: string;
  readonly partition: number;
  /** When the host was heard last, by the clock. */
  heardAt: number;
  readonly #options: HostSessionOptions;
  readonly #subject: string;
  #closed = false;

  constructor(options: HostSessionOptions) {
    this.#options = options;
    this.host = options.host;
    this.partition = options.partition;
    this.heardAt = options.clock.now();
    this.#subject = options.subjects.host(options.host);
  }

  heard(): void {
    this.heardAt = this.#options.clock.now();
  }

  /** Sends a message that is a Broker frame. */
  write(frame: Uint8Array): boolean {
    const { payload, headers: own } = this.#options.unwrapper.unwrap(frame);
    if (!this.#closed) this.#options.client.publish(this.#subject, payload, { headers: own });
    return true;
  }

  /** Asks the host for a sign of life. */
  ping(_payload: Uint8Array): boolean {
    const { client, pongs } = this.#options;
    const reply = `${pongs}.${this.#subject.slice(this.#subject.lastIndexOf('.') + 1)}`;
    if (!this.#closed) client.publish(this.#subject, encodeMessage({ type: 'ping' }), { reply });
    return true;
  }

  subscribe(filter: readonly string[]): boolean {
    this.#say({ type: 'filter', filter });
    return true;
  }

  /** What a host sends waits in the stream. */
  pause(): void {}

  resume(): void {}

  /** Ends the session; the host is told, and comes again. */
  close(code: Closed['code'], message: string, refused = false): void {
    if (!this.#closed) this.#say({ type: 'gone', id: this.#options.incarnation });
    this.end({ code, message, refused }, false);
  }

  /** The session has ended without a word to the host: it has gone itself, or another gateway serves it. */
  end(closed: Closed, isHandedOver: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.onClosed(closed, isHandedOver);
  }

  /** Answers a ping. */
  answer(raw: Msg): void {
    this.heard();
    raw.respond(encodeMessage({ type: 'pong' }));
  }

  #say(message: Parameters<typeof encodeMessage>[0]): void {
    if (!this.#options.client.isClosed()) this.#options.client.publish(this.#subject, encodeMessage(message));
  }
}
