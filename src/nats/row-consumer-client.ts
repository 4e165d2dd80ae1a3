import { AckPolicy, type ConsumerMessages, DeliverPolicy, type JsMsg, type NatsConnection } from 'nats';
import { reasonOf } from '../text/reason.ts';
import type { JetStreamUse } from './settings.ts';
import { RowStream } from './stream-client.ts';
import type { NatsSubjects } from './subjects.ts';

/** The durable consumer that remembers how far the Bro of a prefix has read. */
const CONSUMER = 'bro';
const SECOND = 1_000_000_000;
/** Rows that may be on their way from the stream. */
const READ_AHEAD = 500;
/** Rows by which one that is given a second time is known: many more than may be on their way. */
const REMEMBERED = 20 * READ_AHEAD;
/** Milliseconds before the stream is tried again. */
const PAUSE = 1_000;

export interface ConsumeOptions {
  readonly client: NatsConnection;
  readonly subjects: NatsSubjects;
  readonly use: Exclude<JetStreamUse, 'off'>;
  readonly server: string;
  /** Called once for each row, which then counts as read. */
  readonly take: (message: JsMsg) => void;
  readonly onProblem: (problem: string) => void;
}

/** Reads a stream's rows from where the last Bro of the prefix stopped, each once as long as it lives. */
export class RowConsumer {
  readonly #options: ConsumeOptions;
  #messages: ConsumerMessages | undefined;
  #created = '';
  /** Places in the stream of the rows taken last. */
  readonly #taken = new Set<number>();
  #stopped = false;

  private constructor(options: ConsumeOptions) {
    this.#options = options;
  }

  /** @throws StreamError */
  static async start(options: ConsumeOptions): Promise<RowConsumer> {
    const consumer = new RowConsumer(options);
    void consumer.#follow(await consumer.#open());
    return consumer;
  }

  /** To be called before the connection closes. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#messages?.close();
  }

  /** @returns the stream's name */
  async #open(): Promise<string> {
    const { client, subjects, use, server } = this.#options;
    const stream = await RowStream.open(client, subjects, use, server);
    return stream.attempt(async () => {
      const manager = await client.jetstreamManager({ checkAPI: false });
      const { created } = await manager.streams.info(stream.name);
      // A recreated stream counts from one again.
      if (created !== this.#created) this.#taken.clear();
      this.#created = created;
      await manager.consumers.add(stream.name, {
        durable_name: CONSUMER,
        filter_subject: subjects.everyRow,
        ack_policy: AckPolicy.Explicit,
        deliver_policy: DeliverPolicy.All,
        ack_wait: 30 * SECOND,
      });
      return stream.name;
    });
  }

  async #follow(first: string): Promise<void> {
    const { client, onProblem } = this.#options;
    for (let stream = first; !this.#stopped; ) {
      try {
        const consumer = await client.jetstream().consumers.get(stream, CONSUMER);
        if (this.#stopped) return;
        // It would wait for ever for a consumer that went with its stream.
        this.#messages = await consumer.consume({
          max_messages: READ_AHEAD,
          abort_on_missing_resource: true,
        });
        for await (const message of this.#messages) {
          if (this.#stopped) return;
          this.#take(message);
        }
      } catch (error) {
        if (this.#stopped) return;
        onProblem(`reading the stream ${stream}: ${reasonOf(error)}; it is tried again`);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE).unref());
      if (!this.#stopped) stream = await this.#open().catch(() => stream);
    }
  }

  /** A server that was killed forgets acknowledgements, and gives rows a second time. */
  #take(message: JsMsg): void {
    const { streamSequence } = message.info;
    if (!this.#taken.has(streamSequence)) {
      this.#taken.add(streamSequence);
      this.#options.take(message);
      const [oldest] = this.#taken;
      if (this.#taken.size > REMEMBERED && oldest !== undefined) this.#taken.delete(oldest);
    }
    message.ack();
  }
}
