import { AckPolicy, type ConsumerMessages, DeliverPolicy, type JsMsg, type NatsConnection } from 'nats';
import type { Clock } from '../broker/connection.ts';
import { reasonOf } from '../text/reason.ts';
import { problemOf } from './failures.ts';
import type { NatsSubjects } from './subjects.ts';

export interface PartitionConsumerOptions {
  readonly client: NatsConnection;
  readonly subjects: NatsSubjects;
  readonly partition: number;
  readonly clock: Clock;
  /** Finds the stream. @throws StreamError */
  readonly stream: () => Promise<string>;
  /** Whether the partition is certain to be ours. */
  readonly isOurs: () => boolean;
  /** A message; `settled` is to be called when it may leave the stream. */
  readonly take: (message: JsMsg, settled: () => void) => void;
  /** What hinders; empty: nothing any more. */
  readonly onTrouble: (trouble: string) => void;
}

const MILLISECOND = 1_000_000;
/** Nobody else reads what is given here: it is given again to whoever takes the partition, and not before. */
const ACK_WAIT = 24 * 3_600_000;
/** Bytes that may be asked for ahead. */
const READ_AHEAD = 1024 * 1024;
/** Messages, and bytes of them, that may be under way to the Zeek. */
const UNDER_WAY = { messages: 2_000, bytes: 1024 * 1024 };
/** Milliseconds before the stream is tried again. */
const PAUSE = 1_000;
const PATIENCE = 5_000;

/**
 * Reads the rows of one partition from the stream, in their order, from the first that has not been settled on. With
 * each opening the consumer of a former owner ends, and what it had under way is given again.
 */
export class PartitionConsumer {
  readonly #options: PartitionConsumerOptions;
  readonly #name: string;
  #messages: ConsumerMessages | undefined;
  #underWay = 0;
  #bytes = 0;
  #isPaused = false;
  #stopped = false;
  #change: PromiseWithResolvers<void> | undefined;

  constructor(options: PartitionConsumerOptions) {
    this.#options = options;
    this.#name = `gateway-${options.partition}`;
  }

  begin(): void {
    void this.#follow();
  }

  /** No more is taken until {@link resume}. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#changed();
  }

  /** Messages that were taken and are not settled. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Reads again from the first message that has not been settled. */
  restart(): void {
    void this.#messages?.close().catch(() => {});
  }

  /** Takes no more; resolves when all that was taken has been settled, or after so many milliseconds. */
  async stop(patience: number): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = true;
      this.#changed();
      void this.#messages?.close().catch(() => {});
    }
    const { clock } = this.#options;
    const end = clock.now() + patience;
    while (this.#underWay > 0 && clock.now() < end) {
      await Promise.race([this.#next(), this.#passing(Math.min(100, patience))]);
    }
  }

  async #follow(): Promise<void> {
    const { client, stream, onTrouble, isOurs } = this.#options;
    while (!this.#stopped) {
      try {
        if (isOurs()) {
          const name = await stream();
          await this.#recreate(name);
          const consumer = await client.jetstream().consumers.get(name, this.#name);
          if (this.#stopped) return;
          onTrouble('');
          this.#messages = await consumer.consume({ max_bytes: READ_AHEAD, abort_on_missing_resource: true });
          for await (const message of this.#messages) {
            if (this.#stopped) return;
            this.#take(message);
            while (!this.#stopped && this.#isFull) await this.#next();
          }
        }
      } catch (error) {
        if (!this.#stopped) onTrouble(reasonOf(error));
      }
      await this.#passing(PAUSE);
    }
  }

  /** A new consumer in place of the former: it gives first what the former had not settled. */
  async #recreate(stream: string): Promise<void> {
    const { client, subjects, partition } = this.#options;
    const { consumers } = await client.jetstreamManager({ checkAPI: false, timeout: PATIENCE });
    await consumers.delete(stream, this.#name).catch((error: unknown) => {
      if (!/not found/i.test(problemOf(error).message)) throw error;
    });
    await consumers.add(stream, {
      durable_name: this.#name,
      filter_subject: subjects.inPartition(partition, '*').rows,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: ACK_WAIT * MILLISECOND,
      max_ack_pending: 2 * UNDER_WAY.messages,
    });
  }

  get #isFull(): boolean {
    return this.#isPaused || this.#underWay >= UNDER_WAY.messages || this.#bytes >= UNDER_WAY.bytes;
  }

  #take(message: JsMsg): void {
    const size = message.data.length;
    this.#underWay += 1;
    this.#bytes += size;
    let isSettled = false;
    this.#options.take(message, () => {
      if (isSettled) return;
      isSettled = true;
      this.#underWay -= 1;
      this.#bytes -= size;
      message.ack();
      this.#changed();
    });
  }

  #next(): Promise<void> {
    this.#change ??= Promise.withResolvers<void>();
    return this.#change.promise;
  }

  #changed(): void {
    this.#change?.resolve();
    this.#change = undefined;
  }

  #passing(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.setTimeout(resolve, milliseconds));
  }
}
