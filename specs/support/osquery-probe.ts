import { connect, createServer, type Server, type Socket } from 'node:net';
import {
  MessageReader,
  type ThriftMessage,
  type ThriftStruct,
} from '../../src/sandbox/osqueryd/thrift/binary-reader.ts';
import { BinaryWriter, MESSAGE, TYPE } from '../../src/sandbox/osqueryd/thrift/binary-writer.ts';
import {
  type ExtensionResponse,
  encodePluginCall,
  encodeReply,
  numberField,
  readResponse,
  readStatus,
  type StringMap,
  stringMapField,
  structField,
  success,
  textField,
} from '../../src/sandbox/osqueryd/thrift/messages.ts';

/** A call that osqueryd made of the probe. */
export interface ProbeCall {
  readonly registry: string;
  readonly item: string;
  readonly request: StringMap;
}

/** What the probe does with a call: a response, bytes as they are, or nothing but the end of the connection. */
export type ProbeAnswer = ExtensionResponse | Buffer | 'close' | 'silence';

export type ProbeRegistry = Readonly<Record<string, Readonly<Record<string, readonly StringMap[]>>>>;

export interface ProbeOptions {
  readonly manager: string;
  readonly answer?: (call: ProbeCall) => ProbeAnswer | Promise<ProbeAnswer>;
  /** Told of everything that moves on the probe's sockets. */
  readonly touch?: () => void;
}

/** osqueryd sends lines of any size; this is as much as the probe takes. */
const MAX_CALL = 1 << 30;

/** A test extension: registers with a manager, serves its socket, keeps what it was asked. */
export class OsqueryProbe {
  readonly calls: ProbeCall[] = [];
  /** Messages of each connection in turn, to see that each has its own. */
  readonly connections: string[][] = [];
  uuid = 0;
  shutdowns = 0;
  readonly #options: ProbeOptions;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  /** Registers and, when taken, serves the socket. @returns the status */
  async register(
    registry: ProbeRegistry,
    name = 'probe',
    sdkVersion = '5.0.0',
  ): Promise<{ code: number; message: string }> {
    const reply = await ask(this.#options.manager, encodeRegistration(registry, name, sdkVersion));
    const status = readStatus(structField(reply.body, 0) ?? new Map());
    if (status.code === 0) await this.serve(status.uuid);
    return { code: status.code, message: status.message };
  }

  serve(uuid: number): Promise<void> {
    this.uuid = uuid;
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    return new Promise((resolve) => server.listen(`${this.#options.manager}.${uuid}`, resolve));
  }

  /** Goes without a word, as a killed process does; the socket's file stays if asked for. */
  async die(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const server = this.#server;
    if (server?.listening) await new Promise((resolve) => server.close(resolve));
  }

  #accept(socket: Socket): void {
    const { touch } = this.#options;
    touch?.();
    this.#sockets.add(socket);
    const names: string[] = [];
    this.connections.push(names);
    const reader = new MessageReader(MAX_CALL);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      touch?.();
    });
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      touch?.();
      for (const message of reader.push(chunk)) {
        names.push(message.name);
        void this.#answer(socket, message);
      }
    });
  }

  async #answer(socket: Socket, { body, name, seqid }: ThriftMessage): Promise<void> {
    if (name === 'ping') {
      const status = { code: 0, message: 'pong', uuid: this.uuid };
      socket.write(encodeReply(name, seqid, { kind: 'status', status }));
      return;
    }
    if (name === 'shutdown') {
      this.shutdowns += 1;
      socket.write(encodeReply(name, seqid, { kind: 'nothing' }));
      return;
    }
    const call = { registry: textField(body, 1), item: textField(body, 2), request: stringMapField(body, 3) };
    this.calls.push(call);
    const answer = (await this.#options.answer?.(call)) ?? { status: success(this.uuid), response: [] };
    this.#options.touch?.();
    if (answer === 'silence') return;
    if (answer === 'close') socket.destroy();
    else
      socket.write(
        Buffer.isBuffer(answer) ? answer : encodeReply(name, seqid, { kind: 'response', response: answer }),
      );
  }
}

/** Sends one message on a connection of its own and gives the reply. */
export function ask(path: string, request: Uint8Array): Promise<ThriftMessage> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(request));
    const reader = new MessageReader();
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without a reply')));
    socket.on('data', (chunk: Buffer) => {
      const [message] = reader.push(chunk);
      if (!message) return;
      resolve(message);
      socket.destroy();
    });
  });
}

export interface Answer {
  readonly code: number;
  readonly message: string;
  readonly rows: readonly StringMap[];
}

export async function callManager(
  path: string,
  registry: string,
  item: string,
  request: StringMap,
): Promise<Answer> {
  return toAnswer(await ask(path, encodePluginCall(registry, item, request)));
}

export async function updateConfig(path: string, source: string, data: unknown): Promise<Answer> {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return await callManager(path, 'config', 'update', { action: 'update', source, data: text });
}

export async function queryManager(path: string, sql: string): Promise<Answer> {
  return toAnswer(await ask(path, encodeSql('query', sql)));
}

export async function queryColumns(path: string, sql: string): Promise<Answer> {
  return toAnswer(await ask(path, encodeSql('getQueryColumns', sql)));
}

export async function deregister(path: string, uuid: number): Promise<number> {
  const request = new BinaryWriter()
    .messageBegin('deregisterExtension', MESSAGE.call, 1)
    .field(TYPE.i64, 1)
    .i64(BigInt(uuid))
    .stop()
    .finish();
  return numberField(structField((await ask(path, request)).body, 0) ?? new Map(), 1);
}

/** What a reply to `call` or `query` says. */
export function toAnswer(message: { readonly body: ThriftStruct }): Answer {
  const { status, response } = readResponse(structField(message.body, 0) ?? new Map());
  return { code: status.code, message: status.message, rows: response };
}

function encodeSql(method: string, sql: string): Buffer {
  return new BinaryWriter()
    .messageBegin(method, MESSAGE.call, 1)
    .field(TYPE.string, 1)
    .string(sql)
    .stop()
    .finish();
}

function encodeRegistration(registry: ProbeRegistry, name: string, sdkVersion: string): Buffer {
  const writer = new BinaryWriter().messageBegin('registerExtension', MESSAGE.call, 1).field(TYPE.struct, 1);
  [name, '0.1.0', sdkVersion, '0.0.0'].forEach((text, at) => {
    writer.field(TYPE.string, at + 1).string(text);
  });
  writer.stop().field(TYPE.map, 2).byte(TYPE.string).byte(TYPE.map).i32(Object.keys(registry).length);
  for (const [kind, items] of Object.entries(registry)) {
    writer.string(kind).byte(TYPE.string).byte(TYPE.list).i32(Object.keys(items).length);
    for (const [item, routes] of Object.entries(items)) writer.string(item).stringMapList(routes);
  }
  return writer.stop().finish();
}
