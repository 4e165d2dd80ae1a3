import type { MsgHdrs, NatsConnection } from 'nats';
import type { Clock, Closed, StreamCondition } from '../broker/connection.ts';
import type { JetStreamUse } from './settings.ts';
import { RowStream, StreamError } from './stream-client.ts';
import type { NatsSubjects } from './subjects.ts';

/** A message of rows for the stream. */
export interface RowMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** What the stream knows it by when it comes again. */
  readonly id: string;
  readonly headers: MsgHdrs;
}

export interface RowWriterOptions {
  readonly connection: NatsConnection;
  readonly subjects: NatsSubjects;
  readonly use: Exclude<JetStreamUse, 'off'>;
  readonly server: string;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of attempts. */
  readonly chance: () => number;
  readonly onCondition: (condition: StreamCondition) => void;
  /** What no further attempt would mend. */
  readonly onFailure: (closed: Closed) => void;
  /** The promise's outcome, or the reason for which the connection closes first. */
  readonly orFailure: <T>(promise: Promise<T>) => Promise<T>;
}

/** Milliseconds between attempts at a stream that takes nothing; doubles from the first to the last. */
const BACK_OFF = { first: 250, last: 15_000 };
/** Milliseconds between looks at a stream that takes what it is given. */
const LOOK = 5 * 60_000;
const WELL: StreamCondition = { trouble: '', holdsRows: false };

/**
 * Writes rows into the stream, a message after the other, so that their order holds whatever becomes of one. A stream
 * that is full, gone or silent is tried again until it takes them; the connection stays up meanwhile.
 */
export class RowWriter {
  readonly #options: RowWriterOptions;
  #stream: RowStream | undefined;
  #condition: StreamCondition = WELL;
  #advice = '';
  #isHolding = false;
  #attempts = 0;
  #timer: unknown;
  #ended = false;

  constructor(options: RowWriterOptions) {
    this.#options = options;
  }

  /** Looks at the stream now and then, also while there is no row for it. */
  begin(): void {
    void this.#look();
  }

  end(): void {
    this.#ended = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  /** Bytes that the stream takes in one message. */
  get limit(): number {
    return this.#stream?.maxMessage ?? Number.POSITIVE_INFINITY;
  }

  /** Resolves with whether the stream keeps the message; not where it is too large for it. Rejects once the connection has closed. */
  async keep({ subject, payload, id, headers }: RowMessage): Promise<boolean> {
    for (;;) {
      try {
        this.#stream ??= await this.#open();
        await this.#options.orFailure(this.#stream.publish(subject, payload, id, headers));
        this.#flows();
        return true;
      } catch (error) {
        if (!(error instanceof StreamError)) throw error;
        if (error.closed.code === 'frame-too-large') return false;
        await this.#hold(error);
      }
    }
  }

  async #open(): Promise<RowStream> {
    const { connection, subjects, use, server, orFailure } = this.#options;
    const stream = await orFailure(RowStream.open(connection, subjects, use, server));
    this.#advice = await orFailure(stream.look(connection));
    return stream;
  }

  #flows(): void {
    this.#attempts = 0;
    this.#tell({ trouble: this.#advice, holdsRows: false });
  }

  /** Waits for the next attempt. */
  async #hold({ closed, isFinal }: StreamError): Promise<void> {
    const { clock, onFailure, orFailure } = this.#options;
    if (isFinal) onFailure(closed);
    this.#stream = undefined;
    this.#isHolding = true;
    this.#tell({ trouble: closed.message, holdsRows: true });
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.setTimeout(resolve, this.#pause());
    try {
      await orFailure(promise);
    } finally {
      this.#isHolding = false;
      clock.clearTimeout(timer);
    }
  }

  #pause(): number {
    const { chance } = this.#options;
    const pause = Math.min(BACK_OFF.last, BACK_OFF.first * 2 ** this.#attempts);
    this.#attempts += 1;
    return pause * (0.5 + chance() / 2);
  }

  #tell(condition: StreamCondition): void {
    const { trouble, holdsRows } = this.#condition;
    if (this.#ended || (trouble === condition.trouble && holdsRows === condition.holdsRows)) return;
    this.#condition = condition;
    this.#options.onCondition(condition);
  }

  async #look(): Promise<void> {
    let pause = LOOK * (0.5 + this.#options.chance() / 2);
    // Whoever waits with rows for it is at it already.
    if (!this.#isHolding) {
      try {
        this.#stream = await this.#open();
        this.#flows();
      } catch (error) {
        if (!(error instanceof StreamError)) return;
        if (error.isFinal) this.#options.onFailure(error.closed);
        this.#tell({ trouble: error.closed.message, holdsRows: true });
        pause = this.#pause();
      }
    }
    if (!this.#ended) this.#timer = this.#options.clock.setTimeout(() => void this.#look(), pause);
  }
}
