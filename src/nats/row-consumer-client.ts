import { AckPolicy, type ConsumerMessages, DeliverPolicy, type JsMsg, type NatsConnection } from 'nats';
import type { JetStreamUse } from './settings.ts';
import { RowStream } from './stream-client.ts';
import type { NatsSubjects } from './subjects.ts';

/** The durable consumer that remembers how far the Bro of a prefix has read. */
const CONSUMER = 'bro';
const SECOND = 1_000_000_000;
/** Rows that may be on their way from the stream. */
const READ_AHEAD = 500;
/** Milliseconds before the stream is tried again. */
const PAUSE = 1_000;

export interface ConsumeOptions {
  readonly client: NatsConnection;
  readonly subjects: NatsSubjects;
  readonly use: Exclude<JetStreamUse, 'off'>;
  readonly server: string;
  /** A row that is taken is taken off; what it throws leaves it in the stream. */
  readonly take: (message: JsMsg) => void;
  readonly onProblem: (problem: string) => void;
}

/** Reads a stream's rows from where the last Bro of the prefix stopped, until it is told to stop. */
export class RowConsumer {
  readonly #options: ConsumeOptions;
  readonly #stream: string;
  #messages: ConsumerMessages | undefined;
  #stopped = false;

  private constructor(options: ConsumeOptions, stream: string) {
    this.#options = options;
    this.#stream = stream;
  }

  /** @throws StreamError */
  static async start(options: ConsumeOptions): Promise<RowConsumer> {
    const { client, subjects, use, server } = options;
    const stream = await RowStream.open(client, subjects, use, server);
    await stream.attempt(async () => {
      const manager = await client.jetstreamManager({ checkAPI: false });
      await manager.consumers.add(stream.name, {
        durable_name: CONSUMER,
        filter_subject: subjects.everyRow,
        ack_policy: AckPolicy.Explicit,
        deliver_policy: DeliverPolicy.All,
        ack_wait: 30 * SECOND,
      });
    });
    const consumer = new RowConsumer(options, stream.name);
    void consumer.#follow();
    return consumer;
  }

  /** To be called before the connection closes. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#messages?.close();
  }

  async #follow(): Promise<void> {
    const { client, take, onProblem } = this.#options;
    while (!this.#stopped) {
      try {
        const consumer = await client.jetstream().consumers.get(this.#stream, CONSUMER);
        if (this.#stopped) return;
        this.#messages = await consumer.consume({ max_messages: READ_AHEAD });
        for await (const message of this.#messages) {
          if (this.#stopped) return;
          take(message);
          message.ack();
        }
      } catch (error) {
        if (this.#stopped) return;
        onProblem(`reading the stream ${this.#stream}: ${(error as Error).message}; it is tried again`);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE).unref());
    }
  }
}
