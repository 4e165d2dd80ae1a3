/** One connection to osquery's extension manager: one call at a time, any number of calls one after another. */

import { createConnection, type Socket } from 'node:net';
import thrift from 'thrift';
import { reasonOf } from '../text/reason.ts';
import ExtensionManager from './generated/ExtensionManager.js';
import { OsqueryError } from './osquery-error.ts';
import { MessageSink, readingProtocol, WritingProtocol } from './thrift-message.ts';
import { type SplitterLimits, ThriftSplitter } from './thrift-splitter.ts';
import type { WireManagerClient } from './wire.ts';

/** osquery's thrift_string_size_limit is none; a reply of 450 MB was seen. V8's strings end at 512 MiB. */
const REPLY_LIMITS: SplitterLimits = { message: 0x7fff_ffff, string: 0x1fff_0000 };

/** In milliseconds. */
export interface Deadline {
  /** What the caller has set, for the error's text. */
  readonly total: number;
  /** What is left of it. */
  readonly left: number;
}

interface Waiting {
  readonly method: string;
  fail(error: OsqueryError): void;
}

/** The generated client; beside its methods it has a `recv_<method>` for each. */
type Client = WireManagerClient & Readonly<Record<string, unknown>> & { seqid(): number };

/** Open until {@link ManagerConnection.close}, a failure or the other side's end; never opened again. */
export class ManagerConnection {
  readonly #path: string;
  readonly #socket: Socket;
  readonly #client: Client;
  readonly #splitter = new ThriftSplitter(REPLY_LIMITS);
  #waiting: Waiting | undefined;
  #ended: OsqueryError | undefined;
  readonly #closed = Promise.withResolvers<void>();

  /** Begins to connect; calls may be made at once. `onEnd` is called once, whatever ends the connection. */
  constructor(path: string, onEnd: (why: OsqueryError) => void) {
    this.#path = path;
    this.#socket = createConnection({ path });
    const sink = new MessageSink((message) => this.#socket.write(message));
    this.#client = new ExtensionManager.Client(sink, WritingProtocol) as unknown as Client;
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#end(this.#unreachable(error)));
    this.#socket.on('close', () => {
      this.#end(this.#unreachable());
      onEnd(this.#ended ?? this.#unreachable());
      this.#closed.resolve();
    });
  }

  get open(): boolean {
    return this.#ended === undefined;
  }

  /** Resolves when the socket is closed, which never fails. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Makes one call by the generated client. Throws {@link OsqueryError} `timeout`, `unreachable` or `protocol`.
   * After a time-out no other call is taken: the late answer would be taken for that of the next call. The
   * socket stays until that answer begins, which shows when osqueryd has done with it, or until `close`.
   */
  async call<T>(
    method: string,
    deadline: Deadline,
    send: (client: WireManagerClient) => Promise<T>,
  ): Promise<T> {
    if (this.#ended) throw this.#ended;
    if (this.#waiting) throw new TypeError('one call at a time');
    const failed = new Promise<never>((_, reject) => {
      this.#waiting = { method, fail: reject };
    });
    const timer = setTimeout(() => this.#abandon(method, deadline.total), deadline.left);
    try {
      return await Promise.race([send(this.#client), failed]);
    } catch (error) {
      throw error instanceof OsqueryError ? error : protocolError(method, error);
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }

  close(): void {
    this.#end(new OsqueryError('unreachable', `the connection to osquery on ${this.#path} was closed`));
    this.#socket.destroy();
  }

  #abandon(method: string, deadline: number): void {
    const why = `osquery did not answer ${method} on ${this.#path} within ${deadline} ms`;
    this.#ended = new OsqueryError('timeout', why);
    if (this.#splitter.midMessage) this.#socket.destroy();
    this.#waiting?.fail(this.#ended);
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) {
      this.#socket.destroy();
      return;
    }
    try {
      for (const { bytes, discarded } of this.#splitter.push(chunk)) this.#answer(bytes, discarded);
    } catch (error) {
      this.#end(protocolError(this.#waiting?.method ?? 'nothing', error));
    }
  }

  #answer(bytes: Buffer, discarded: number): void {
    const protocol = readingProtocol(bytes, 'text');
    const { fname, mtype, rseqid } = protocol.readMessageBegin();
    const receive = this.#client[`recv_${fname}`];
    if (fname !== this.#waiting?.method || rseqid !== this.#client.seqid() || typeof receive !== 'function') {
      throw new Error(`unexpected reply to ${fname} (sequence ${rseqid})`);
    }
    if (mtype !== thrift.Thrift.MessageType.REPLY && mtype !== thrift.Thrift.MessageType.EXCEPTION) {
      throw new Error(`unexpected message type ${mtype}`);
    }
    if (discarded > 0) throw new Error(`a value is too long for this program (${discarded} bytes)`);
    receive.call(this.#client, protocol, mtype, rseqid);
  }

  #end(why: OsqueryError): void {
    if (this.#ended) return;
    this.#ended = why;
    this.#socket.destroy();
    this.#waiting?.fail(why);
  }

  #unreachable(cause?: Error): OsqueryError {
    const reason = cause ? cause.message : 'osquery closed the connection';
    return new OsqueryError('unreachable', `no osqueryd on ${this.#path}: ${reason}`, null, cause);
  }
}

function protocolError(method: string, cause: unknown): OsqueryError {
  const reason = reasonOf(cause);
  return new OsqueryError('protocol', `invalid Thrift reply to ${method}: ${reason}`, null, cause);
}
