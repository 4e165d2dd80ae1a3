import type { NatsConnection } from 'nats';
import { type Clock, DEFAULT_TIMINGS } from '../broker/connection.ts';
import { systemClock } from '../broker/system-clock.ts';
import { reasonOf } from '../text/reason.ts';
import { token } from '../text/subject-token.ts';
import { type NatsTarget, openNats } from './link-client.ts';

/** A message of the in-process bus: plain data that survives JSON. */
export interface BridgedMessage {
  /** In NATS's grammar. */
  readonly subject: string;
}

export interface BusBridgeOptions {
  readonly target: NatsTarget;
  /** What the subjects begin with, the host's id following: `bro.<host>.peer.<peer>.up`. */
  readonly prefix: string;
  /** The host's id; undefined while it is not known, until when messages wait. */
  readonly host: () => string | undefined;
  readonly onProblem: (problem: string) => void;
  readonly clock?: Clock;
  /** Messages that may wait; 1,000 by default. */
  readonly limit?: number;
  /** Milliseconds before an unreachable server is tried again; 10 s by default. */
  readonly retryAfter?: number;
}

export const DEFAULT_BUS_PREFIX = 'bro';
const LIMIT = 1_000;
/** Messages that go out before the server is asked whether it has taken them. */
const SLICE = 100;
const RETRY_AFTER = 10_000;

/**
 * Mirrors the bus to NATS subjects, for watching. It only listens: nothing that comes from there reaches the bus. Rows
 * are not on the bus, so none are here. Whoever publishes on the bus pays for one push into a bounded queue; what does
 * not fit is dropped, counted, and told to the watchers as `<prefix>.<host>.bridge.dropped` when there is room again.
 */
export class BusBridge {
  readonly #options: BusBridgeOptions;
  readonly #clock: Clock;
  readonly #limit: number;
  #queue: BridgedMessage[] = [];
  #client: NatsConnection | undefined;
  #dropped = 0;
  #unreported = 0;
  #problem = '';
  #pumping = false;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(options: BusBridgeOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#limit = options.limit ?? LIMIT;
    void this.#stayConnected();
  }

  /** Messages that were never mirrored. */
  get dropped(): number {
    return this.#dropped;
  }

  /** For the bus: never throws, never waits. */
  readonly take = (message: BridgedMessage): void => {
    if (this.#closed) return;
    if (this.#queue.length >= this.#limit) {
      this.#dropped += 1;
      this.#unreported += 1;
      return;
    }
    this.#queue.push(message);
    if (this.#pumping || !this.#client) return;
    this.#pumping = true;
    setImmediate(() => void this.#pump());
  };

  /** Sends what waits, if the server is there, for at most a second, and ends. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake?.();
    const late = Promise.withResolvers<void>();
    const timer = this.#clock.setTimeout(late.resolve, 1_000);
    await Promise.race([this.#pump(), late.promise]);
    this.#clock.clearTimeout(timer);
    await this.#client?.close();
  }

  async #stayConnected(): Promise<void> {
    while (!this.#closed) {
      try {
        const client = await openNats(this.#options.target, DEFAULT_TIMINGS, 'lasting');
        if (this.#closed) return void client.close();
        this.#client = client;
        this.#problem = '';
        void this.#pump();
        const error = await client.closed();
        this.#client = undefined;
        if (error) throw error;
      } catch (error) {
        this.#report(reasonOf(error));
      }
      if (!this.#closed) await this.#pause();
    }
  }

  /** Sends slices of the queue, each once the server has taken the one before. */
  async #pump(): Promise<void> {
    this.#pumping = true;
    let underWay = 0;
    try {
      for (;;) {
        const client = this.#client;
        const host = this.#options.host();
        if (!client || client.isClosed() || host === undefined) return;
        const slice = this.#queue.slice(0, SLICE);
        if (slice.length === 0) return;
        this.#queue = this.#queue.slice(slice.length);
        underWay = slice.length;
        for (const message of slice) this.#publish(client, host, message.subject, message);
        if (this.#unreported > 0) {
          const messages = this.#unreported;
          this.#unreported = 0;
          this.#publish(client, host, 'bridge.dropped', { type: 'bridge.dropped', messages });
        }
        await client.flush();
        underWay = 0;
      }
    } catch (error) {
      // The connection was lost: which of them arrived is unknown.
      this.#dropped += underWay;
      this.#unreported += underWay;
      this.#report(reasonOf(error));
    } finally {
      this.#pumping = false;
    }
  }

  #publish(client: NatsConnection, host: string, subject: string, message: object): void {
    try {
      client.publish(`${this.#options.prefix}.${token(host)}.${subject}`, JSON.stringify(message));
    } catch (error) {
      // Too large for the server, as a rule.
      this.#dropped += 1;
      this.#report(reasonOf(error));
    }
  }

  #report(problem: string): void {
    if (problem === this.#problem || this.#closed) return;
    this.#problem = problem;
    this.#options.onProblem(`the bus is not mirrored to NATS: ${problem}`);
  }

  async #pause(): Promise<void> {
    const over = Promise.withResolvers<void>();
    const timer = this.#clock.setTimeout(over.resolve, this.#options.retryAfter ?? RETRY_AFTER);
    this.#wake = over.resolve;
    await over.promise;
    this.#clock.clearTimeout(timer);
  }
}
