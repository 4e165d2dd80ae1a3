import { createServer, type Server, type Socket } from 'node:net';
import { MessageReader, type ThriftMessage } from './thrift/binary-reader.ts';
import { MESSAGE } from './thrift/binary-writer.ts';
import {
  type ExtensionInfo,
  type ExtensionResponse,
  type ExtensionStatus,
  encodeReply,
  encodeUnknownMethod,
  numberField,
  type OptionInfo,
  type RegistryBroadcast,
  readBroadcast,
  readInfo,
  type StringMap,
  stringMapField,
  structField,
  textField,
} from './thrift/messages.ts';

/** What the extension manager answers, method by method (osquery.thrift's ExtensionManager). */
export interface ManagerApi {
  ping(): ExtensionStatus;
  call(registry: string, item: string, request: StringMap): Promise<ExtensionResponse>;
  extensions(): ReadonlyMap<number, ExtensionInfo>;
  options(): ReadonlyMap<string, OptionInfo>;
  registerExtension(info: ExtensionInfo, registry: RegistryBroadcast): ExtensionStatus;
  deregisterExtension(uuid: number): ExtensionStatus;
  query(sql: string): Promise<ExtensionResponse>;
  getQueryColumns(sql: string): ExtensionResponse;
}

/**
 * The extension manager's socket: any number of connections, on each any number of requests, answered in
 * order. Bytes that are no message close the connection without an answer (s22).
 */
export class ManagerServer {
  readonly #api: ManagerApi;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(api: ManagerApi) {
    this.#api = api;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(path, () => resolve());
    });
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const reader = new MessageReader();
    let queue = Promise.resolve();
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      let messages: ThriftMessage[];
      try {
        messages = reader.push(chunk);
      } catch {
        socket.destroy();
        return;
      }
      for (const message of messages) {
        queue = queue.then(async () => {
          const reply = await this.#answer(message);
          if (socket.destroyed) return;
          if (reply) socket.write(reply);
          else socket.destroy();
        });
      }
    });
  }

  /** The reply's bytes; undefined when the message is no request. */
  async #answer(message: ThriftMessage): Promise<Buffer | undefined> {
    const { body, name, seqid, type } = message;
    if (type !== MESSAGE.call) return undefined;
    switch (name) {
      case 'ping':
        return encodeReply(name, seqid, { kind: 'status', status: this.#api.ping() });
      case 'call': {
        const response = await this.#api.call(
          textField(body, 1),
          textField(body, 2),
          stringMapField(body, 3),
        );
        return encodeReply(name, seqid, { kind: 'response', response });
      }
      case 'shutdown':
        // Answered, and ignored: nobody but its master ends osqueryd.
        return encodeReply(name, seqid, { kind: 'nothing' });
      case 'extensions':
        return encodeReply(name, seqid, { kind: 'extensions', extensions: this.#api.extensions() });
      case 'options':
        return encodeReply(name, seqid, { kind: 'options', options: this.#api.options() });
      case 'registerExtension': {
        const info = readInfo(structField(body, 1) ?? new Map());
        const status = this.#api.registerExtension(info, readBroadcast(body.get(2)));
        return encodeReply(name, seqid, { kind: 'status', status });
      }
      case 'deregisterExtension': {
        const status = this.#api.deregisterExtension(numberField(body, 1));
        return encodeReply(name, seqid, { kind: 'status', status });
      }
      case 'query':
        return encodeReply(name, seqid, {
          kind: 'response',
          response: await this.#api.query(textField(body, 1)),
        });
      case 'getQueryColumns':
        return encodeReply(name, seqid, {
          kind: 'response',
          response: this.#api.getQueryColumns(textField(body, 1)),
        });
      default:
        return encodeUnknownMethod(name, seqid);
    }
  }
}
