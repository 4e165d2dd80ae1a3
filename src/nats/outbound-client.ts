import { headers, type MsgHdrs, type NatsConnection } from 'nats';
import type { Clock, Closed, ConnectionError, OnLeftOut, StreamCondition } from '../broker/connection.ts';
import { SendQueue } from '../broker/send-queue.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import { token } from '../text/subject-token.ts';
import { markBinary } from './binary-events.ts';
import { InFlight } from './in-flight.ts';
import { HOST_HEADER, messageId, sequenceOf } from './message.ts';
import {
  type EventMessage,
  type LeaveOut,
  type MessageForm,
  MessageWriter,
  type Selection,
} from './message-writer.ts';
import { RowWriter } from './row-writer-client.ts';
import type { JetStreamUse } from './settings.ts';
import type { NatsSubjects } from './subjects.ts';

/** Bytes after which the server is asked whether it has taken them. */
const FLUSH_EVERY = 64 * 1024;
/** Kinds of events left out that are reported. */
const MAX_REPORTED = 100;

/** Where a host's messages go, and in which form they are taken there. */
export interface Destination {
  readonly rows: string;
  readonly words: string;
  readonly form: MessageForm;
}

export interface OutboundOptions {
  readonly connection: NatsConnection;
  readonly subjects: NatsSubjects;
  readonly host: string;
  readonly jetstream: JetStreamUse;
  readonly server: string;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of attempts. */
  readonly chance: () => number;
  /** As the Bro has told when it answered. */
  readonly destination: () => Destination;
  /** Resolves when the Bro says that it has taken in all that was published before. */
  readonly askBro: () => Promise<void>;
  readonly onProblem: (problem: string) => void;
  readonly onStream: (condition: StreamCondition) => void;
  /** What no further attempt would mend. */
  readonly onFailure: (closed: Closed) => void;
}

/**
 * What a host sends, in order, and no more at a time than the server takes. With a stream a call that sends rows
 * resolves when the stream keeps them; what is no row passes them by meanwhile.
 */
export class Outbound {
  readonly #options: OutboundOptions;
  readonly #header: MsgHdrs;
  readonly #inFlight = new InFlight();
  readonly #reported = new Set<string>();
  readonly #words: SendQueue;
  readonly #rows: SendQueue;
  readonly #writer: MessageWriter;
  readonly #stream: RowWriter | undefined;
  #unflushed = 0;

  constructor(options: OutboundOptions) {
    this.#options = options;
    const { host, server, connection, jetstream: use } = options;
    this.#header = headers();
    this.#header.set(HOST_HEADER, token(host));
    this.#words = new SendQueue(server);
    if (use !== 'off') {
      const { subjects, clock, chance, onStream: onCondition, onFailure } = options;
      const orFailure = <T>(promise: Promise<T>) => this.orFailure(promise);
      this.#stream = new RowWriter({
        ...{ connection, subjects, use, server, clock, chance, onCondition, onFailure, orFailure },
      });
    }
    this.#rows = this.#stream ? new SendQueue(server) : this.#words;
    this.#writer = new MessageWriter(() =>
      Math.min(
        connection.info?.max_payload ?? Number.POSITIVE_INFINITY,
        this.#stream?.limit ?? Number.POSITIVE_INFINITY,
      ),
    );
  }

  get header(): MsgHdrs {
    return this.#header;
  }

  /** There is a Bro. */
  begin(): void {
    this.#stream?.begin();
  }

  /** See Connection. Resolves when there is room for more. */
  async send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void> {
    const leaveOut: LeaveOut = (index, event, problem) => {
      onLeftOut?.(index, 'unsendable');
      this.#leaveOut(event, problem);
    };
    const selected = (wanted: boolean): Selection => ({
      ...{ topic, events },
      indices: [...events.keys()].filter((index) => isRow(events[index]) === wanted),
    });
    const [rows, words] = [selected(true), selected(false)];
    const { destination } = this.#options;
    if (words.indices.length > 0) {
      await this.#enqueue(this.#words, () => {
        const { words: subject, form } = destination();
        return this.#publishAll(subject, this.#writer.write(words, form, leaveOut));
      });
    }
    if (rows.indices.length === 0) return;
    await this.#enqueue(this.#rows, async () => {
      const { rows: subject, form } = destination();
      const stream = this.#stream;
      if (stream) await this.#keepAll(stream, subject, form, rows, leaveOut);
      else await this.#publishAll(subject, this.#writer.write(rows, form, leaveOut));
    });
  }

  /** See Connection. */
  async confirm(): Promise<void> {
    let confirmed: Promise<void> = Promise.resolve();
    await this.#enqueue(this.#rows, async () => {
      if (this.#stream) return;
      confirmed = this.#confirmByBro();
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
    this.#stream?.end();
    this.#inFlight.fail(error);
  }

  async #confirmByBro(): Promise<void> {
    await this.orFailure(this.#options.connection.flush());
    await this.#options.askBro();
  }

  async #publishAll(subject: string, messages: readonly EventMessage[]): Promise<void> {
    for (const message of messages) {
      this.#options.connection.publish(subject, message.payload, { headers: this.#headersOf(message) });
      this.#count(message.payload.length);
      await this.#inFlight.room();
    }
  }

  /** Has the stream keep the rows; where a message of several is too large for it, in parts, down to the row that is. */
  async #keepAll(
    stream: RowWriter,
    subject: string,
    form: MessageForm,
    rows: Selection,
    leaveOut: LeaveOut,
  ): Promise<void> {
    for (const message of this.#writer.write(rows, form, leaveOut)) {
      const { payload, indices } = message;
      const [first, last] = [sequenceAt(rows, 0, indices), sequenceAt(rows, -1, indices)];
      const id = messageId(token(this.#options.host), first, last, payload);
      if (await stream.keep({ subject, payload, id, headers: this.#headersOf(message) })) continue;
      const half = Math.ceil(indices.length / 2);
      if (indices.length > 1) {
        for (const part of [indices.slice(0, half), indices.slice(half)])
          await this.#keepAll(stream, subject, form, { ...rows, indices: part }, leaveOut);
      } else {
        const [index = 0] = indices;
        const event = rows.events[index];
        if (event) leaveOut(index, event, `of ${payload.length} bytes ${TOO_LARGE}`);
      }
    }
  }

  #headersOf({ form, topic }: EventMessage): MsgHdrs {
    if (form === 'json') return this.#header;
    const own = headers();
    own.set(HOST_HEADER, this.#header.get(HOST_HEADER));
    markBinary(own, topic);
    return own;
  }

  #count(bytes: number): void {
    this.#unflushed += bytes;
    if (this.#unflushed < FLUSH_EVERY) return;
    this.#inFlight.add(this.#unflushed, this.#options.connection.flush());
    this.#unflushed = 0;
  }

  #leaveOut({ name }: ZeekEvent, problem: string): void {
    if (this.#reported.size >= MAX_REPORTED || this.#reported.has(name)) return;
    this.#reported.add(name);
    this.#options.onProblem(`an event ${name} ${problem}`);
  }

  #enqueue(queue: SendQueue, task: () => Promise<void>): Promise<void> {
    return queue.run(async () => {
      await this.#inFlight.room();
      await task();
    });
  }
}

function isRow(event: ZeekEvent | undefined): boolean {
  return event !== undefined && sequenceOf(event) !== undefined;
}

function sequenceAt({ events }: Selection, at: number, indices: readonly number[]): bigint {
  const event = events[indices.at(at) ?? -1];
  return (event && sequenceOf(event)) ?? 0n;
}

const TOO_LARGE =
  "exceeds what the stream takes: dropped, as will be others of its kind; raise the stream's max_msg_size";
