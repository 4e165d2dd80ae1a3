import {
  DiscardPolicy,
  headers,
  type JetStreamClient,
  type MsgHdrs,
  type NatsConnection,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from 'nats';
import type { Closed } from '../broker/connection.ts';
import { type NatsProblem, problemOf, streamFailure } from './failures.ts';
import { type JetStreamUse, STREAM_LIMITS } from './settings.ts';
import type { NatsSubjects } from './subjects.ts';

/** Milliseconds that a stream may take for an acknowledgement, or for any other answer. */
const PATIENCE = 10_000;
const MILLISECOND = 1_000_000;

/** There is no stream for rows, or it takes none. */
export class StreamError extends Error {
  readonly closed: Closed;
  /** Whether waiting changes nothing: the server does not let us use it. */
  readonly isFinal: boolean;

  constructor(closed: Closed, cause?: unknown) {
    super(closed.message, { cause });
    this.name = 'StreamError';
    this.closed = closed;
    this.isFinal = problemOf(cause).code === 'PERMISSIONS_VIOLATION';
  }
}

/** The stream that keeps a fleet's rows. */
export class RowStream {
  readonly name: string;
  /** Bytes that it takes in one message, as far as is known. */
  maxMessage = Number.POSITIVE_INFINITY;
  readonly #client: JetStreamClient;
  readonly #server: string;

  private constructor(name: string, client: JetStreamClient, server: string) {
    this.name = name;
    this.#client = client;
    this.#server = server;
  }

  /** Finds the stream that takes rows, whatever its name, or makes it where that is wanted. @throws StreamError */
  static async open(
    connection: NatsConnection,
    subjects: NatsSubjects,
    use: Exclude<JetStreamUse, 'off'>,
    server: string,
    replicas = 1,
  ): Promise<RowStream> {
    try {
      const manager = await connection.jetstreamManager({ checkAPI: false, timeout: PATIENCE });
      const found = await manager.streams.find(subjects.everyRow).catch((error: NatsProblem) => {
        if (!/no stream matches/i.test(error.message)) throw error;
        if (use === 'create') return undefined;
        const advice = `create it with the subjects ${subjects.everyRow}, or set jetstream: create`;
        const message = `${server}: no stream stores rows: ${advice}`;
        throw new StreamError({ code: 'refused', message, refused: true }, error);
      });
      if (found === undefined) {
        await manager.streams.add({
          name: subjects.stream,
          subjects: [subjects.everyRow],
          description: 'rows of osquery hosts on their way to a Zeek',
          // A row that its Zeek has had makes room; none goes for being old.
          retention: RetentionPolicy.Workqueue,
          storage: StorageType.File,
          num_replicas: replicas,
          // A full stream refuses rows, which then wait on their hosts; one that drops old ones would lose them.
          discard: DiscardPolicy.New,
          max_bytes: STREAM_LIMITS.maxBytes,
          // One host that floods is refused before it has filled the stream for all.
          max_msgs_per_subject: STREAM_LIMITS.messagesOfHost,
          discard_new_per_subject: true,
          duplicate_window: STREAM_LIMITS.duplicateWindow * MILLISECOND,
        });
      }
      return new RowStream(found ?? subjects.stream, connection.jetstream({ timeout: PATIENCE }), server);
    } catch (error) {
      if (error instanceof StreamError) throw error;
      throw new StreamError(streamFailure(problemOf(error), subjects.stream, server, PATIENCE), error);
    }
  }

  /**
   * Learns how the stream is set up, as far as that may be looked at.
   * @returns what in it loses rows; empty: nothing
   */
  async look(connection: NatsConnection): Promise<string> {
    try {
      const manager = await connection.jetstreamManager({ checkAPI: false, timeout: PATIENCE });
      const { config } = await manager.streams.info(this.name);
      if (config.max_msg_size > 0) this.maxMessage = config.max_msg_size;
      return lossOf(this.name, config);
    } catch {
      // An account that may only publish is well set up.
      return '';
    }
  }

  /** Resolves when the stream keeps the message, or had it before. @throws StreamError */
  async publish(subject: string, payload: Uint8Array, id: string, header: MsgHdrs): Promise<void> {
    const own = headers();
    for (const key of header.keys()) own.set(key, header.get(key));
    await this.attempt(() =>
      this.#client.publish(subject, payload, {
        msgID: id,
        headers: own,
        timeout: PATIENCE,
        expect: { streamName: this.name },
      }),
    );
  }

  /** @throws StreamError for whatever the action rejects with */
  async attempt<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw new StreamError(streamFailure(problemOf(error), this.name, this.#server, PATIENCE), error);
    }
  }
}

/** What in a stream's configuration loses rows; empty: nothing. */
export function lossOf(name: string, config: StreamConfig): string {
  const { discard, max_bytes, max_msgs, max_msgs_per_subject, retention, max_age } = config;
  const isBounded = [max_bytes, max_msgs, max_msgs_per_subject].some((limit) => limit > 0);
  if (discard === DiscardPolicy.Old && isBounded)
    return `the stream ${name} has discard: old: once it is full, rows that were confirmed are gone before a Zeek has read them; set discard: new, so that rows wait on their hosts instead`;
  if (retention === RetentionPolicy.Workqueue && max_age > 0)
    return `the stream ${name} has max_age: rows that were confirmed are gone after that time, read by a Zeek or not; set it to 0`;
  return '';
}
