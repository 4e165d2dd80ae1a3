import { encodeText } from '../../../text/byte-text.ts';

/** Type codes of Thrift's binary protocol (thrift-binary-protocol.md). */
export const TYPE = {
  stop: 0,
  bool: 2,
  byte: 3,
  double: 4,
  i16: 6,
  i32: 8,
  i64: 10,
  string: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
} as const;

/** Message types of Thrift's binary protocol. */
export const MESSAGE = { call: 1, reply: 2, exception: 3, oneway: 4 } as const;

/** Version word of the strict header; the low byte is the message type. */
export const STRICT_VERSION = 0x80010000;

/** Writes Thrift's binary protocol into one growing buffer. Methods are wire types. */
export class BinaryWriter {
  #bytes = Buffer.allocUnsafe(1024);
  #length = 0;

  /** A copy-free view of what has been written; the writer is not used any further. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  messageBegin(name: string, type: number, seqid: number): this {
    return this.i32(STRICT_VERSION | type | 0)
      .string(name)
      .i32(seqid);
  }

  field(type: number, id: number): this {
    return this.byte(type).i16(id);
  }

  stop(): this {
    return this.byte(TYPE.stop);
  }

  byte(value: number): this {
    this.#room(1);
    this.#length = this.#bytes.writeUInt8(value, this.#length);
    return this;
  }

  i16(value: number): this {
    this.#room(2);
    this.#length = this.#bytes.writeInt16BE(value, this.#length);
    return this;
  }

  i32(value: number): this {
    this.#room(4);
    this.#length = this.#bytes.writeInt32BE(value, this.#length);
    return this;
  }

  i64(value: bigint): this {
    this.#room(8);
    this.#length = this.#bytes.writeBigInt64BE(value, this.#length);
    return this;
  }

  string(value: string): this {
    const bytes = encodeText(value);
    this.i32(bytes.length).#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** A map of text to text, sorted by key as a std::map is. */
  stringMap(map: Readonly<Record<string, string>>): this {
    const keys = Object.keys(map).sort(compareBytes);
    this.byte(TYPE.string).byte(TYPE.string).i32(keys.length);
    for (const key of keys) this.string(key).string(map[key] ?? '');
    return this;
  }

  /** A list of maps of text to text. */
  stringMapList(list: readonly Readonly<Record<string, string>>[]): this {
    this.byte(TYPE.map).i32(list.length);
    for (const map of list) this.stringMap(map);
    return this;
  }

  #room(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** The order of std::string: by bytes. */
export function compareBytes(a: string, b: string): number {
  // Code units and UTF-8 bytes sort alike unless a surrogate is involved.
  if (/[\ud800-\udfff]/.test(a) || /[\ud800-\udfff]/.test(b))
    return Buffer.compare(encodeText(a), encodeText(b));
  return a < b ? -1 : a > b ? 1 : 0;
}
