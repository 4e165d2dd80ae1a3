/** One connection that osqueryd made to our socket: requests in, a reply each, in order. */

import type { Socket } from 'node:net';
import thrift from 'thrift';
import { reasonOf } from '../text/reason.ts';
import type { ByteBudget, Share } from './byte-budget.ts';
import Extension from './generated/Extension.js';
import { type CarriedRows, carriedRows } from './logger-call.ts';
import { type PlainCall, readPlainCall } from './plain-call.ts';
import type { ReplyCache } from './reply-cache.ts';
import type { Row } from './row.ts';
import { MessageSink, readingProtocol, WritingProtocol } from './thrift-message.ts';
import { type SplitterLimits, type ThriftMessage, ThriftSplitter } from './thrift-splitter.ts';
import type { WireHandler } from './wire.ts';

/** What a plugin answers. The code is 0 for success; of `features` it is the logger's bits. */
export interface PluginResponse {
  readonly code: number;
  readonly message: string;
  readonly rows: readonly Row[];
}

/** What osqueryd asks of the extension. */
export interface ExtensionHandlers {
  ping(): { readonly code: number; readonly message: string };
  /**
   * A call of one of our plugins. Keys and values of the request are byte strings: one character (U+0000 to
   * U+00FF) a byte, as Node's `latin1`. A rejection is answered with code 1 and its message; to a result log
   * that would end osqueryd.
   */
  call(registry: string, item: string, request: ReadonlyMap<string, string>): Promise<PluginResponse>;
  /**
   * A call of a logger that carries rows, its payload as bytes that are nobody else's; without this handler such a call
   * comes as any other, which costs more.
   */
  log?(rows: CarriedRows<Uint8Array>): Promise<PluginResponse>;
  /** osqueryd ends; its call has been answered already. */
  shutdown(): void;
}

/**
 * What went wrong on the socket: `refused` what came is no Thrift call, `idle` a connection was silent inside a
 * message, `oversized` a value was longer than the limit and was dropped, `failed` a handler threw, `socket` the
 * connection broke.
 */
export interface ExtensionTrouble {
  readonly kind: 'refused' | 'idle' | 'oversized' | 'failed' | 'socket';
  readonly message: string;
}

/** What all connections of a server share. */
export interface ConnectionContext {
  readonly uuid: number;
  readonly handlers: ExtensionHandlers;
  readonly limits: SplitterLimits;
  readonly idleTimeout: number;
  readonly budget: ByteBudget;
  readonly replies: ReplyCache;
  /** See ExtensionServerOptions. */
  onRequest(): () => void;
  report(trouble: ExtensionTrouble): void;
}

const { CALL, ONEWAY, EXCEPTION } = thrift.Thrift.MessageType;
const { STRING, I32 } = thrift.Thrift.Type;
const { UNKNOWN_METHOD } = thrift.Thrift.TApplicationExceptionType;
const METHODS = ['ping', 'call', 'shutdown'];

/** Whether a connection is inside a request or its answer, so that to close it would make osqueryd's call fail. */
export type MidCall = () => boolean;

/** Serves the socket until either side ends; a connection that breaks the protocol harms no other. */
export function serveConnection(socket: Socket, context: ConnectionContext): MidCall {
  const connection = new ExtensionConnection(socket, context);
  socket.on('data', (chunk: Buffer) => connection.receive(chunk));
  socket.on('end', () => connection.ended());
  socket.on('timeout', () => connection.idle());
  socket.on('close', () => connection.closed());
  // A client that leaves before its reply is its own business; 'close' follows.
  socket.on('error', (error) => context.report({ kind: 'socket', message: error.message }));
  return () => connection.midCall;
}

class ExtensionConnection {
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #splitter: ThriftSplitter;
  readonly #share: Share;
  readonly #queue: ThriftMessage[] = [];
  /** The request that is being answered. */
  #current: ThriftMessage | undefined;
  /** Says that the client has its reply; undefined while it has asked for nothing. */
  #attended: (() => void) | undefined;
  #shutdown = false;
  #ended = false;

  constructor(socket: Socket, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    this.#splitter = new ThriftSplitter(context.limits);
    this.#share = context.budget.join();
    // Who connects is about to ask.
    this.#attended = context.onRequest();
    socket.setTimeout(context.idleTimeout);
  }

  get midCall(): boolean {
    return this.#current !== undefined || this.#share.waiting !== undefined || this.#splitter.midMessage;
  }

  receive(chunk: Buffer): void {
    this.#attended ??= this.#context.onRequest();
    this.#socket.pause();
    this.#socket.setTimeout(0);
    this.#context.budget.ask(this.#share, chunk.length, () => this.#accept(chunk));
  }

  ended(): void {
    this.#ended = true;
    this.#next();
  }

  idle(): void {
    if (this.#splitter.midMessage) {
      const message = `timed out after ${this.#context.idleTimeout} ms inside a message`;
      this.#context.report({ kind: 'idle', message });
    }
    this.#drop();
  }

  closed(): void {
    this.#queue.length = 0;
    this.#letGo();
    this.#context.budget.leave(this.#share);
  }

  #letGo(): void {
    this.#attended?.();
    this.#attended = undefined;
  }

  #drop(): void {
    this.closed();
    this.#socket.destroy();
  }

  #accept(chunk: Buffer): void {
    if (this.#socket.destroyed) return;
    try {
      this.#queue.push(...this.#splitter.push(chunk));
    } catch (error) {
      this.#refuse(error);
      return;
    }
    this.#next();
  }

  /** Answers the next request; reads on only when there is none, so that requests can't pile up. */
  #next(): void {
    if (this.#current || this.#socket.destroyed) return;
    this.#current = this.#queue.shift();
    this.#account();
    if (this.#current) {
      this.#process(this.#current);
      return;
    }
    if (!this.#splitter.midMessage) this.#letGo();
    if (this.#ended) {
      if (this.#splitter.midMessage) this.#refuse(new Error('the stream ended inside a message'));
      else this.#socket.end();
    } else {
      this.#socket.setTimeout(this.#context.idleTimeout);
      this.#socket.resume();
    }
  }

  #process(message: ThriftMessage): void {
    const plain = message.discarded === 0 ? readPlainCall(message.bytes) : undefined;
    if (plain && this.#answer(plain)) return;
    try {
      const head = readingProtocol(message.bytes, 'bytes').readMessageBegin();
      if (head.mtype !== CALL && head.mtype !== ONEWAY)
        throw new Error(`unexpected message type ${head.mtype}`);
      const output = new WritingProtocol(new MessageSink((reply) => this.#reply(reply)));
      const method = String(head.fname);
      if (METHODS.includes(method)) {
        new Extension.Processor(this.#handler()).process(readingProtocol(message.bytes, 'bytes'), output);
      } else writeUnknownMethod(output, method, head.rseqid);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Answers what osqueryd asks most often. @returns whether it is of that kind */
  #answer(asked: PlainCall): boolean {
    const { handlers, replies } = this.#context;
    if (asked.method === 'ping') {
      const { code, message } = handlers.ping();
      this.#reply(replies.ping(code, message, asked.seqid));
      return true;
    }
    const rows = asked.registry === 'logger' && handlers.log ? carriedRows(asked.request) : undefined;
    if (!rows) return false;
    const owned = { ...rows, payload: owning(rows.payload) };
    void this.#attempt('logger', asked.item, async () => handlers.log?.(owned) ?? NO_ANSWER).then(
      ({ code, message }) => this.#reply(replies.call(code, message, asked.seqid)),
    );
    return true;
  }

  #handler(): WireHandler {
    return {
      ping: async () => ({ ...this.#context.handlers.ping(), uuid: this.#context.uuid }),
      call: async (registry, item, request) => {
        const { code, message, rows } = await this.#call(registry ?? '', item ?? '', request ?? {});
        return { status: { code, message, uuid: this.#context.uuid }, response: rows };
      },
      shutdown: async () => {
        this.#shutdown = true;
      },
    };
  }

  async #call(registry: string, item: string, request: Row): Promise<PluginResponse> {
    const discarded = this.#current?.discarded ?? 0;
    if (discarded > 0) {
      const message = `a value of ${discarded} bytes in a call of ${registry}/${item} is too long for this program`;
      this.#context.report({ kind: 'oversized', message });
      // To answer a result log with a failure would end osqueryd.
      return registry === 'logger' ? { code: 0, message: 'OK', rows: [] } : { code: 1, message, rows: [] };
    }
    const { handlers } = this.#context;
    return this.#attempt(registry, item, () =>
      handlers.call(registry, item, new Map(Object.entries(request))),
    );
  }

  async #attempt(
    registry: string,
    item: string,
    call: () => Promise<PluginResponse>,
  ): Promise<PluginResponse> {
    try {
      return await call();
    } catch (error) {
      const message = reasonOf(error);
      this.#context.report({ kind: 'failed', message: `${registry}/${item}: ${message}` });
      return { code: 1, message, rows: [] };
    }
  }

  #reply(bytes: Buffer): void {
    const answered = () => {
      if (this.#shutdown) this.#context.handlers.shutdown();
      this.#shutdown = false;
      this.#current = undefined;
      this.#next();
    };
    // The callback is called also when the client has left.
    this.#socket.write(bytes, answered);
  }

  #account(): void {
    const queued = this.#queue.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const current = this.#current?.bytes.length ?? 0;
    this.#context.budget.hold(this.#share, this.#splitter.buffered + queued + current);
  }

  #refuse(error: unknown): void {
    const message = reasonOf(error);
    this.#context.report({ kind: 'refused', message });
    this.#drop();
  }
}

const NO_ANSWER: PluginResponse = { code: 0, message: 'OK', rows: [] };

/** The bytes, in memory of which they are by far the most: it is held as long as they are. */
function owning(bytes: Buffer): Uint8Array {
  return bytes.buffer.byteLength > bytes.length * 1.25 + 1024 ? Buffer.from(bytes) : bytes;
}

/** As osqueryd itself does it (recorded); the package's own exception loses its type when written. */
function writeUnknownMethod(output: WritingProtocol, method: string, seqid: number): void {
  output.writeMessageBegin(method, EXCEPTION, seqid);
  output.writeFieldBegin('message', STRING, 1);
  output.writeString(`Invalid method name: '${method}'`);
  output.writeFieldBegin('type', I32, 2);
  output.writeI32(UNKNOWN_METHOD);
  output.writeFieldStop();
  output.writeMessageEnd();
  output.flush();
}
