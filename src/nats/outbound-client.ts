import { headers, type MsgHdrs, type NatsConnection } from 'nats';
import { CodecError } from '../broker/codec-error.ts';
import type { Closed, ConnectionError, OnLeftOut } from '../broker/connection.ts';
import { SendQueue } from '../broker/send-queue.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import { token } from '../text/subject-token.ts';
import { InFlight } from './in-flight.ts';
import { encodeEvent, HOST_HEADER, messageId, sequenceOf } from './message.ts';
import { type RowStream, StreamError } from './stream-client.ts';
import type { NatsSubjects } from './subjects.ts';

/** Bytes after which the server is asked whether it has taken them. */
const FLUSH_EVERY = 64 * 1024;
/** Kinds of events left out that are reported. */
const MAX_REPORTED = 100;

export interface OutboundOptions {
  readonly connection: NatsConnection;
  readonly subjects: NatsSubjects;
  readonly host: string;
  readonly stream: RowStream | undefined;
  readonly server: string;
  /** Resolves when the Bro says that it has taken in all that was published before. */
  readonly askBro: () => Promise<void>;
  readonly onProblem: (problem: string) => void;
  /** The stream takes no rows. */
  readonly onFailure: (closed: Closed) => void;
}

/** What a host sends, in order, and no more at a time than the server takes. */
export class Outbound {
  readonly #options: OutboundOptions;
  readonly #header: MsgHdrs;
  readonly #inFlight = new InFlight();
  readonly #reported = new Set<string>();
  readonly #queue: SendQueue;
  #unflushed = 0;

  constructor(options: OutboundOptions) {
    this.#options = options;
    this.#queue = new SendQueue(options.server);
    this.#header = headers();
    this.#header.set(HOST_HEADER, token(options.host));
  }

  get header(): MsgHdrs {
    return this.#header;
  }

  /** See Connection. Resolves when there is room for more. */
  send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void> {
    return this.#enqueue(async () => {
      for (const [index, event] of events.entries()) {
        if (!(await this.#sendOne(topic, event))) onLeftOut?.(index, 'unsendable');
      }
    });
  }

  /** See Connection. */
  async confirm(): Promise<void> {
    let confirmed: Promise<void> = Promise.resolve();
    await this.#enqueue(async () => {
      confirmed = this.#options.stream ? this.#inFlight.settled() : this.#confirmByBro();
      confirmed.catch(() => {});
    });
    await confirmed;
    // What the server did not permit it has said before its pong; who listens to that gets a turn first.
    await this.orFailure(new Promise<void>((resolve) => setImmediate(resolve)));
  }

  /** The promise's outcome, or the reason for which the connection closes first. */
  orFailure<T>(promise: Promise<T>): Promise<T> {
    return this.#inFlight.orFailure(promise);
  }

  /** The connection has closed: all that waits is rejected. */
  fail(error: ConnectionError): void {
    this.#inFlight.fail(error);
  }

  async #confirmByBro(): Promise<void> {
    await this.orFailure(this.#options.connection.flush());
    await this.#options.askBro();
  }

  /** @returns whether it could be sent */
  async #sendOne(topic: string, event: ZeekEvent): Promise<boolean> {
    const { connection, subjects, host, stream } = this.#options;
    const payload = this.#encode(topic, event);
    if (payload === undefined) return false;
    const sequence = sequenceOf(event);
    if (sequence !== undefined && stream) {
      const id = messageId(token(host), sequence, payload);
      const kept = stream.publish(subjects.rows(host), payload, id, this.#header);
      kept.catch((error: unknown) => {
        if (error instanceof StreamError) this.#options.onFailure(error.closed);
      });
      this.#inFlight.add(payload.length, kept);
    } else {
      // A Bro that is asked to acknowledge rows must not be asked before the stream has them.
      if (stream) await this.#inFlight.settled();
      const subject = sequence === undefined ? subjects.announce : subjects.rows(host);
      connection.publish(subject, payload, { headers: this.#header });
      this.#count(payload.length);
    }
    await this.#inFlight.room();
    return true;
  }

  #count(bytes: number): void {
    this.#unflushed += bytes;
    if (this.#unflushed < FLUSH_EVERY) return;
    this.#inFlight.add(this.#unflushed, this.#options.connection.flush());
    this.#unflushed = 0;
  }

  /** The event as a message that the server takes; one that can't be is left out and told, so that others pass. */
  #encode(topic: string, event: ZeekEvent): Uint8Array | undefined {
    const limit = this.#options.connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
    let payload: Uint8Array;
    try {
      payload = encodeEvent(topic, event);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      const problem = `can't be sent there: ${error.message} (${error.code})`;
      return this.#leaveOut(event, `${problem}; dropped, as will be others of its kind`);
    }
    // Headers count as well.
    if (payload.length + 512 <= limit) return payload;
    const advice = "dropped, as will be others of its kind; raise the server's max_payload";
    return this.#leaveOut(event, `of ${payload.length} bytes exceeds its ${limit}: ${advice}`);
  }

  #leaveOut({ name }: ZeekEvent, problem: string): undefined {
    if (this.#reported.size >= MAX_REPORTED || this.#reported.has(name)) return;
    this.#reported.add(name);
    this.#options.onProblem(`an event ${name} ${problem}`);
  }

  #enqueue(task: () => Promise<void>): Promise<void> {
    return this.#queue.run(async () => {
      await this.#inFlight.room();
      await task();
    });
  }
}
