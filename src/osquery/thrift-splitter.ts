/**
 * Finds where the messages of an unframed Thrift stream (TBinaryProtocol) end. Without frames a message's end
 * is known only by walking through it; this walk resumes where the last chunk ended, so that a message costs
 * time linear in its size however it is cut, and it checks every announced length before waiting for it.
 */
import { ThriftError } from './thrift-error.ts';

/** All in bytes. */
export interface SplitterLimits {
  /** A message that is larger, or announces to become so, is refused. */
  readonly message: number;
  /** A longer string is read past and given as an empty one (see {@link ThriftMessage.discarded}). */
  readonly string: number;
}

/** One whole message. */
export interface ThriftMessage {
  readonly bytes: Buffer;
  /** How many bytes of its strings were longer than the limit and are not in `bytes`. */
  readonly discarded: number;
}

type Open =
  | { readonly kind: 'struct' }
  | { readonly kind: 'list'; readonly type: number; left: number }
  | { readonly kind: 'map'; readonly key: number; readonly value: number; left: number };

const STOP = 0;
const STRING = 11;
const STRUCT = 12;
const MAP = 13;
const SET = 14;
const LIST = 15;
/** Bytes of the types of fixed length by type code: bool, byte, double, i16, i32, i64, uuid. */
const FIXED: Readonly<Record<number, number>> = { 2: 1, 3: 1, 4: 8, 6: 2, 8: 4, 10: 8, 16: 16 };

const VERSION_1 = 0x8001;
/** osquery's longest method name has 19 characters. */
const MAX_NAME = 128;
/** Ours are 4 deep; Thrift's own limit is 64. */
const MAX_DEPTH = 64;
const NO_BYTES: Buffer = Buffer.alloc(0);

/** Cuts the stream of one connection into messages; owned by that connection alone. */
export class ThriftSplitter {
  readonly #limits: SplitterLimits;
  #buffer: Buffer = NO_BYTES;
  #length = 0;
  /** How far the walk has come. */
  #at = 0;
  /** Up to where the bytes must reach for the walk to go on; what is announced is known to be coming. */
  #wanted = 0;
  /** Of a string beyond the limit: how many of the next bytes to drop. */
  #dropping = 0;
  #discarded = 0;
  #inBody = false;
  /** Type of the value that comes next, STOP when a container's own bytes come next. */
  #pending = STOP;
  #open: Open[] = [];

  constructor(limits: SplitterLimits) {
    this.#limits = limits;
  }

  /** Bytes held of a message that is not whole yet. */
  get buffered(): number {
    return this.#length;
  }

  /** Whether the stream is inside a message. */
  get midMessage(): boolean {
    return this.#length > 0 || this.#dropping > 0;
  }

  /** The messages that this chunk completes. Throws {@link ThriftError}; then the splitter is of no more use. */
  push(chunk: Buffer): ThriftMessage[] {
    this.#append(chunk);
    const messages: ThriftMessage[] = [];
    while (this.#walk()) messages.push(this.#cut());
    return messages;
  }

  #append(chunk: Buffer): void {
    const dropped = Math.min(this.#dropping, chunk.length);
    this.#dropping -= dropped;
    const kept = dropped > 0 ? chunk.subarray(dropped) : chunk;
    if (kept.length === 0) return;
    if (this.#length === 0) {
      this.#buffer = kept;
      this.#length = kept.length;
      return;
    }
    const needed = this.#length + kept.length;
    if (needed > this.#buffer.length) this.#grow(needed);
    kept.copy(this.#buffer, this.#length);
    this.#length = needed;
  }

  /** Doubling keeps the copying linear; never beyond what the message is known to need. */
  #grow(needed: number): void {
    const doubled = Math.max(needed, this.#buffer.length * 2, 4096);
    const capacity = this.#wanted > needed ? Math.min(doubled, this.#wanted + 1024) : doubled;
    const grown = Buffer.allocUnsafeSlow(Math.max(capacity, needed));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }

  #cut(): ThriftMessage {
    const bytes = this.#buffer.subarray(0, this.#at);
    const rest = this.#buffer.subarray(this.#at, this.#length);
    const discarded = this.#discarded;
    this.#buffer = rest.length > 0 ? Buffer.from(rest) : NO_BYTES;
    this.#length = rest.length;
    this.#at = 0;
    this.#wanted = 0;
    this.#discarded = 0;
    this.#inBody = false;
    return { bytes, discarded };
  }

  /** Walks as far as the bytes reach; true at a message's end. */
  #walk(): boolean {
    if (this.#length === 0) return false;
    if (!this.#inBody) {
      if (!this.#header()) return false;
      this.#inBody = true;
      this.#open.push({ kind: 'struct' });
    }
    for (;;) {
      if (this.#pending !== STOP) {
        if (!this.#value(this.#pending)) return false;
        this.#pending = STOP;
      }
      const open = this.#open.at(-1);
      if (!open) return this.#dropping === 0;
      if (open.kind === 'struct') {
        if (!this.#field()) return false;
      } else if (open.left === 0) {
        this.#open.pop();
      } else {
        open.left -= 1;
        // Keys and values take turns; a map's `left` counts both.
        this.#pending = open.kind === 'list' ? open.type : open.left % 2 === 1 ? open.key : open.value;
      }
    }
  }

  /** The message's head, strict (version, name, sequence) or old (name, type, sequence): osqueryd reads both. */
  #header(): boolean {
    if (!this.#has(4)) return false;
    const first = this.#buffer.readInt32BE(this.#at);
    const strict = first < 0;
    if (strict && this.#buffer.readUInt16BE(this.#at) !== VERSION_1) {
      throw new ThriftError('bad_header', 'neither a Thrift version nor a method name', this.#at);
    }
    if (strict && !this.#has(8)) return false;
    const nameAt = this.#at + (strict ? 8 : 4);
    const nameLength = strict ? this.#buffer.readInt32BE(this.#at + 4) : first;
    if (nameLength < 0 || nameLength > MAX_NAME) {
      throw new ThriftError('bad_header', `a method name of ${nameLength} bytes`, nameAt - 4);
    }
    const known = this.#buffer.subarray(nameAt, Math.min(nameAt + nameLength, this.#length));
    const strange = known.findIndex((byte) => byte < 0x20 || byte > 0x7e);
    if (strange >= 0)
      throw new ThriftError('bad_header', 'a method name with invalid characters', nameAt + strange);
    const end = nameAt + nameLength + (strict ? 4 : 5);
    if (!this.#has(end - this.#at)) return false;
    this.#at = end;
    return true;
  }

  #field(): boolean {
    if (!this.#has(1)) return false;
    const type = this.#buffer[this.#at] ?? STOP;
    if (type === STOP) {
      this.#at += 1;
      this.#open.pop();
      return true;
    }
    if (!this.#has(3)) return false;
    this.#at += 3;
    this.#pending = type;
    return true;
  }

  #value(type: number): boolean {
    const fixed = FIXED[type];
    if (fixed !== undefined) {
      if (!this.#has(fixed)) return false;
      this.#at += fixed;
      return true;
    }
    switch (type) {
      case STRING:
        return this.#string();
      case STRUCT:
        this.#enter({ kind: 'struct' });
        return true;
      case LIST:
      case SET: {
        if (!this.#has(5)) return false;
        const element = this.#buffer[this.#at] ?? STOP;
        const left = this.#count(this.#at + 1, [element]);
        this.#at += 5;
        this.#enter({ kind: 'list', type: element, left });
        return true;
      }
      case MAP: {
        if (!this.#has(6)) return false;
        const key = this.#buffer[this.#at] ?? STOP;
        const value = this.#buffer[this.#at + 1] ?? STOP;
        const left = this.#count(this.#at + 2, [key, value]) * 2;
        this.#at += 6;
        this.#enter({ kind: 'map', key, value, left });
        return true;
      }
      default:
        throw new ThriftError('bad_type', `unknown value type ${type}`, this.#at);
    }
  }

  #string(): boolean {
    if (!this.#has(4)) return false;
    const length = this.#buffer.readInt32BE(this.#at);
    if (length < 0) throw new ThriftError('negative_length', `a string of ${length} bytes`, this.#at);
    if (length > this.#limits.message) throw this.#tooLarge(`a string of ${length} bytes`);
    if (length > this.#limits.string) {
      this.#discard(length);
      return true;
    }
    if (!this.#has(4 + length)) return false;
    this.#at += 4 + length;
    return true;
  }

  /** Makes the string at hand an empty one and lets its bytes go by. */
  #discard(length: number): void {
    // The buffer may be the socket's own chunk; what is changed must be ours.
    const kept = Buffer.from(this.#buffer.subarray(0, this.#at + 4));
    kept.writeInt32BE(0, this.#at);
    const here = this.#buffer.subarray(this.#at + 4, this.#length);
    const rest = here.subarray(Math.min(length, here.length));
    this.#dropping = length - Math.min(length, here.length);
    this.#discarded += length;
    this.#buffer = Buffer.concat([kept, rest]);
    this.#length = this.#buffer.length;
    this.#at += 4;
  }

  #count(at: number, types: readonly number[]): number {
    const count = this.#buffer.readInt32BE(at);
    if (count < 0) throw new ThriftError('negative_length', `a container of ${count} elements`, at);
    // Of nothing there could be any number in no bytes at all.
    if (count > 0 && types.includes(STOP)) {
      throw new ThriftError('bad_type', `a container of ${count} elements of no type`, at);
    }
    // Every element takes at least a byte.
    if (count * types.length > this.#limits.message) throw this.#tooLarge(`a container of ${count} elements`);
    return count;
  }

  #enter(open: Open): void {
    if (this.#open.length >= MAX_DEPTH) {
      throw new ThriftError('too_deep', `more than ${MAX_DEPTH} nested containers`, this.#at);
    }
    this.#open.push(open);
  }

  #has(bytes: number): boolean {
    const end = this.#at + bytes;
    if (end > this.#limits.message) throw this.#tooLarge(`${end} bytes`);
    this.#wanted = end;
    return end <= this.#length;
  }

  #tooLarge(what: string): ThriftError {
    return new ThriftError(
      'too_large',
      `${what}, allowed are ${this.#limits.message} bytes a message`,
      this.#at,
    );
  }
}
