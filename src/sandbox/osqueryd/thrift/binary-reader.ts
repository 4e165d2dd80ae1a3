import { decodeText } from '../../../text/byte-text.ts';
import { MESSAGE, STRICT_VERSION, TYPE } from './binary-writer.ts';

export type ThriftStruct = ReadonlyMap<number, ThriftValue>;
export type ThriftValue =
  | boolean
  | number
  | bigint
  | string
  | ThriftStruct
  | readonly ThriftValue[]
  | readonly (readonly [ThriftValue, ThriftValue])[];

/** One message as read: the argument or result struct by field ids. */
export interface ThriftMessage {
  readonly name: string;
  readonly type: number;
  readonly seqid: number;
  /** False for the header without version that old clients write. */
  readonly strict: boolean;
  readonly body: ThriftStruct;
}

/** Bytes that are no Thrift message: the connection that sent them is closed without an answer. */
export class ThriftWireError extends Error {
  override readonly name = 'ThriftWireError';
}

/** Thrift's own bound on one message since 0.14. */
const MAX_MESSAGE = 100 * 1024 * 1024;
const MAX_DEPTH = 64;

type Reading<T> = Generator<undefined, T, undefined>;

/**
 * Reads messages from chunks of any size, each byte once: a generator waits wherever the bytes end, so a
 * large message costs no second look. Feed it with {@link push}; it gives back the messages completed.
 */
export class MessageReader {
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #consumed = 0;
  #current: Reading<ThriftMessage> | undefined;
  readonly #maxMessage: number;

  constructor(maxMessage: number = MAX_MESSAGE) {
    this.#maxMessage = maxMessage;
  }

  /** @throws ThriftWireError when the bytes are no Thrift message or announce more than the bound */
  push(chunk: Uint8Array): ThriftMessage[] {
    this.#append(chunk);
    const messages: ThriftMessage[] = [];
    for (;;) {
      this.#current ??= this.#message();
      const step = this.#step(this.#current);
      if (!step.done) return messages;
      messages.push(step.value);
      this.#current = undefined;
      if (this.#start === this.#end) return messages;
    }
  }

  #step(reading: Reading<ThriftMessage>): IteratorResult<undefined, ThriftMessage> {
    try {
      return reading.next();
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
  }

  #append(chunk: Uint8Array): void {
    const pending = this.#end - this.#start;
    if (this.#end + chunk.length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(
        Math.max(pending + chunk.length, Math.min(pending * 2, this.#maxMessage)),
      );
      this.#bytes.copy(grown, 0, this.#start, this.#end);
      this.#bytes = grown;
      this.#start = 0;
      this.#end = pending;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  *#message(): Reading<ThriftMessage> {
    this.#consumed = 0;
    const head = yield* this.#i32();
    if (head < 0) {
      const version = (head & 0xffff0000) >>> 0;
      if (version !== STRICT_VERSION)
        throw new ThriftWireError(`version ${version.toString(16)} is not 80010000`);
      const name = yield* this.#string();
      const seqid = yield* this.#i32();
      return { name, type: callType(head & 0xff), seqid, strict: true, body: yield* this.#struct(0) };
    }
    const name = yield* this.#text(head);
    const type = callType(yield* this.#byte());
    const seqid = yield* this.#i32();
    return { name, type, seqid, strict: false, body: yield* this.#struct(0) };
  }

  *#struct(depth: number): Reading<ThriftStruct> {
    if (depth > MAX_DEPTH) throw new ThriftWireError(`nested deeper than ${MAX_DEPTH}`);
    const fields = new Map<number, ThriftValue>();
    for (;;) {
      const type = yield* this.#byte();
      if (type === TYPE.stop) return fields;
      const id = yield* this.#i16();
      fields.set(id, yield* this.#value(type, depth + 1));
    }
  }

  *#value(type: number, depth: number): Reading<ThriftValue> {
    switch (type) {
      case TYPE.bool:
        return (yield* this.#byte()) !== 0;
      case TYPE.byte:
        return yield* this.#byte();
      case TYPE.i16:
        return yield* this.#i16();
      case TYPE.i32:
        return yield* this.#i32();
      case TYPE.i64: {
        const at = yield* this.#take(8);
        return this.#bytes.readBigInt64BE(at);
      }
      case TYPE.double: {
        const at = yield* this.#take(8);
        return this.#bytes.readDoubleBE(at);
      }
      case TYPE.string:
        return yield* this.#string();
      case TYPE.struct:
        return yield* this.#struct(depth);
      case TYPE.map:
        return yield* this.#map(depth);
      case TYPE.list:
      case TYPE.set:
        return yield* this.#list(depth);
      default:
        throw new ThriftWireError(`type code ${type} is unknown`);
    }
  }

  *#map(depth: number): Reading<ThriftValue> {
    const keyType = yield* this.#byte();
    const valueType = yield* this.#byte();
    const size = this.#size(yield* this.#i32());
    const pairs: [ThriftValue, ThriftValue][] = [];
    for (let i = 0; i < size; i += 1) {
      const key = yield* this.#value(keyType, depth + 1);
      pairs.push([key, yield* this.#value(valueType, depth + 1)]);
    }
    return pairs;
  }

  *#list(depth: number): Reading<ThriftValue> {
    const type = yield* this.#byte();
    const size = this.#size(yield* this.#i32());
    const items: ThriftValue[] = [];
    for (let i = 0; i < size; i += 1) items.push(yield* this.#value(type, depth + 1));
    return items;
  }

  *#byte(): Reading<number> {
    const at = yield* this.#take(1);
    return this.#bytes[at] ?? 0;
  }

  *#i16(): Reading<number> {
    const at = yield* this.#take(2);
    return this.#bytes.readInt16BE(at);
  }

  *#i32(): Reading<number> {
    const at = yield* this.#take(4);
    return this.#bytes.readInt32BE(at);
  }

  *#string(): Reading<string> {
    return yield* this.#text(yield* this.#i32());
  }

  *#text(length: number): Reading<string> {
    const at = yield* this.#take(this.#size(length));
    return decodeText(this.#bytes.subarray(at, at + length));
  }

  #size(size: number): number {
    if (size < 0 || size > this.#maxMessage) throw new ThriftWireError(`a size of ${size} is announced`);
    return size;
  }

  *#take(size: number): Reading<number> {
    this.#consumed += size;
    if (this.#consumed > this.#maxMessage)
      throw new ThriftWireError(`message above ${this.#maxMessage} bytes`);
    while (this.#end - this.#start < size) yield undefined;
    const at = this.#start;
    this.#start += size;
    return at;
  }
}

function callType(type: number): number {
  if (type < MESSAGE.call || type > MESSAGE.oneway)
    throw new ThriftWireError(`message type ${type} is unknown`);
  return type;
}
