import { type NatsConnection, RetentionPolicy } from 'nats';
import type { JetStreamUse } from './settings.ts';
import { lossOf, RowStream } from './stream-client.ts';
import type { NatsSubjects } from './subjects.ts';

export interface GatewayStreamOptions {
  readonly use: JetStreamUse;
  readonly server: string;
  readonly replicas: number;
  /** What is wrong with it; empty: nothing any more. */
  readonly onTrouble: (trouble: string) => void;
}

const PATIENCE = 5_000;

/** The stream as gateways need it: a row leaves it when its Zeek has had it, and not before. */
export class GatewayStream {
  readonly #client: NatsConnection;
  readonly #subjects: NatsSubjects;
  readonly #options: GatewayStreamOptions;
  #name = '';
  #loss = '';
  #trouble = '';

  constructor(client: NatsConnection, subjects: NatsSubjects, options: GatewayStreamOptions) {
    this.#client = client;
    this.#subjects = subjects;
    this.#options = options;
  }

  /** Empty while it has not been found. */
  get name(): string {
    return this.#name;
  }

  /** Finds or makes it. @throws StreamError, Error where it is none that can be shared */
  async find(): Promise<string> {
    const { use, server, replicas } = this.#options;
    const stream = await RowStream.open(
      this.#client,
      this.#subjects,
      use === 'off' ? 'use' : use,
      server,
      replicas,
    );
    const manager = await this.#client.jetstreamManager({ checkAPI: false, timeout: PATIENCE });
    const { config } = await manager.streams.info(stream.name);
    if (config.retention !== RetentionPolicy.Workqueue) {
      throw new Error(
        `the stream ${stream.name} has retention: ${config.retention}, so rows stay in it when a Zeek has had them; gateways need retention: workqueue (delete it once it is read, and set jetstream: create)`,
      );
    }
    this.#name = stream.name;
    this.#loss = lossOf(stream.name, config);
    return stream.name;
  }

  /** What hinders; empty: nothing any more, but for what its set-up may lose. */
  tell(hindrance: string): void {
    const trouble = hindrance || this.#loss;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#options.onTrouble(trouble);
  }
}
