import type { ThriftStruct, ThriftValue } from './binary-reader.ts';
import { BinaryWriter, MESSAGE, TYPE } from './binary-writer.ts';

/**
 * The messages of osquery.thrift as osqueryd itself writes and reads them: all fields of a reply always
 * present, maps sorted by key (recordings s01, s22).
 */

export type StringMap = Readonly<Record<string, string>>;

export interface ExtensionStatus {
  readonly code: number;
  readonly message: string;
  readonly uuid: number;
}

export interface ExtensionResponse {
  readonly status: ExtensionStatus;
  readonly response: readonly StringMap[];
}

export interface ExtensionInfo {
  readonly name: string;
  readonly version: string;
  readonly sdkVersion: string;
  readonly minSdkVersion: string;
}

/** Registry -> item -> routes, as an extension broadcasts them. */
export type RegistryBroadcast = ReadonlyMap<string, ReadonlyMap<string, readonly StringMap[]>>;

export interface OptionInfo {
  readonly value: string;
  readonly defaultValue: string;
  readonly type: string;
}

/** What a method answers, by the shape of its result struct. */
export type ManagerReply =
  | { readonly kind: 'status'; readonly status: ExtensionStatus }
  | { readonly kind: 'response'; readonly response: ExtensionResponse }
  | { readonly kind: 'extensions'; readonly extensions: ReadonlyMap<number, ExtensionInfo> }
  | { readonly kind: 'options'; readonly options: ReadonlyMap<string, OptionInfo> }
  | { readonly kind: 'nothing' };

export function success(uuid = 0): ExtensionStatus {
  return { code: 0, message: 'OK', uuid };
}

export function failure(message: string, code = 1): ExtensionStatus {
  return { code, message, uuid: 0 };
}

export function encodeReply(name: string, seqid: number, reply: ManagerReply): Buffer {
  const writer = new BinaryWriter().messageBegin(name, MESSAGE.reply, seqid);
  switch (reply.kind) {
    case 'status':
      writeStatus(writer.field(TYPE.struct, 0), reply.status);
      break;
    case 'response':
      writer.field(TYPE.struct, 0).field(TYPE.struct, 1);
      writeStatus(writer, reply.response.status);
      writer.field(TYPE.list, 2).stringMapList(reply.response.response).stop();
      break;
    case 'extensions':
      writeExtensions(writer, reply.extensions);
      break;
    case 'options':
      writeOptions(writer, reply.options);
      break;
    case 'nothing':
      break;
    default:
      reply satisfies never;
  }
  return writer.stop().finish();
}

/** The answer to a method that osquery.thrift does not have (s22). */
export function encodeUnknownMethod(name: string, seqid: number): Buffer {
  return new BinaryWriter()
    .messageBegin(name, MESSAGE.exception, seqid)
    .field(TYPE.string, 1)
    .string(`Invalid method name: '${name}'`)
    .field(TYPE.i32, 2)
    .i32(1)
    .stop()
    .finish();
}

/** A request without arguments (ping, shutdown) to an extension; osqueryd's seqid is always 0. */
export function encodePlainCall(name: 'ping' | 'shutdown'): Buffer {
  return new BinaryWriter().messageBegin(name, MESSAGE.call, 0).stop().finish();
}

export function encodePluginCall(registry: string, item: string, request: StringMap): Buffer {
  return new BinaryWriter()
    .messageBegin('call', MESSAGE.call, 0)
    .field(TYPE.string, 1)
    .string(registry)
    .field(TYPE.string, 2)
    .string(item)
    .field(TYPE.map, 3)
    .stringMap(request)
    .stop()
    .finish();
}

export function textField(struct: ThriftStruct, id: number): string {
  const value = struct.get(id);
  return typeof value === 'string' ? value : '';
}

export function numberField(struct: ThriftStruct, id: number): number {
  const value = struct.get(id);
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0;
}

export function structField(struct: ThriftStruct, id: number): ThriftStruct | undefined {
  const value = struct.get(id);
  return value instanceof Map ? value : undefined;
}

export function stringMapField(struct: ThriftStruct, id: number): StringMap {
  return toStringMap(struct.get(id));
}

export function readInfo(struct: ThriftStruct): ExtensionInfo {
  return {
    name: textField(struct, 1),
    version: textField(struct, 2),
    sdkVersion: textField(struct, 3),
    minSdkVersion: textField(struct, 4),
  };
}

export function readBroadcast(value: ThriftValue | undefined): RegistryBroadcast {
  return new Map(
    pairs(value).map(([registry, items]) => [
      String(registry),
      new Map(
        pairs(items).map(([item, routes]) => [
          String(item),
          Array.isArray(routes) ? routes.map(toStringMap) : [],
        ]),
      ),
    ]),
  );
}

/** An extension's reply to `call`; what it leaves out is empty, and an empty status is success (osquery.md 1). */
export function readResponse(struct: ThriftStruct): ExtensionResponse {
  const list = struct.get(2);
  return {
    status: readStatus(structField(struct, 1) ?? new Map()),
    response: Array.isArray(list) ? list.map(toStringMap) : [],
  };
}

export function readStatus(struct: ThriftStruct): ExtensionStatus {
  return { code: numberField(struct, 1), message: textField(struct, 2), uuid: numberField(struct, 3) };
}

function pairs(value: ThriftValue | undefined): readonly (readonly [ThriftValue, ThriftValue])[] {
  return Array.isArray(value) ? value.filter((pair) => Array.isArray(pair) && pair.length === 2) : [];
}

function toStringMap(value: ThriftValue | undefined): StringMap {
  return Object.fromEntries(pairs(value).map(([key, item]) => [String(key), String(item)]));
}

function writeStatus(writer: BinaryWriter, status: ExtensionStatus): void {
  writer
    .field(TYPE.i32, 1)
    .i32(status.code)
    .field(TYPE.string, 2)
    .string(status.message)
    .field(TYPE.i64, 3)
    .i64(BigInt(status.uuid))
    .stop();
}

function writeExtensions(writer: BinaryWriter, extensions: ReadonlyMap<number, ExtensionInfo>): void {
  writer.field(TYPE.map, 0).byte(TYPE.i64).byte(TYPE.struct).i32(extensions.size);
  for (const [uuid, info] of [...extensions].sort(([a], [b]) => a - b)) {
    writer.i64(BigInt(uuid));
    [info.name, info.version, info.sdkVersion, info.minSdkVersion].forEach((text, index) => {
      writer.field(TYPE.string, index + 1).string(text);
    });
    writer.stop();
  }
}

function writeOptions(writer: BinaryWriter, options: ReadonlyMap<string, OptionInfo>): void {
  writer.field(TYPE.map, 0).byte(TYPE.string).byte(TYPE.struct).i32(options.size);
  for (const [name, option] of [...options].sort(([a], [b]) => (a < b ? -1 : 1))) {
    writer.string(name);
    [option.value, option.defaultValue, option.type].forEach((text, index) => {
      writer.field(TYPE.string, index + 1).string(text);
    });
    writer.stop();
  }
}
