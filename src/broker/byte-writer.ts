import { encodeText } from '../text/byte-text.ts';

const SHORT = 48;

/**
 * The mirror of ByteReader over a buffer that grows and is meant to be used again: {@link reset}, write,
 * {@link take}. Methods return the writer, so that a message reads as one line.
 */
export class ByteWriter {
  #bytes: Buffer;
  #view: DataView;
  #at = 0;

  constructor(capacity = 1024) {
    // Of its own memory, not of Node's shared pool, so that the view may start at 0.
    this.#bytes = Buffer.from(new ArrayBuffer(capacity));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /**
   * Forgets what was written, keeps the memory.
   * @param most so many bytes of it at the most
   */
  reset(most = Number.POSITIVE_INFINITY): this {
    this.#at = 0;
    if (this.#bytes.length > most) this.#allocate(most);
    return this;
  }

  /** The memory, with room for so many bytes behind {@link length}, for who writes there and calls {@link endAt} then. */
  room(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) this.#grow(end);
    return this.#bytes;
  }

  /** What is written ends there from now on: before, what is behind is forgotten; behind, it was written into the room. */
  endAt(length: number): void {
    this.#at = length;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#at));
  }

  /** Copies the first `end` bytes written into `target` at `position`. */
  copyTo(target: Uint8Array, position: number, end = this.#at): void {
    target.set(this.#bytes.subarray(0, end), position);
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value);
    return this;
  }

  i64(value: bigint): this {
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, value);
    return this;
  }

  f64(value: number): this {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value);
    return this;
  }

  /** Unsigned LEB128. */
  varbyte(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.u8(rest);
  }

  bytes(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** A stretch of other bytes. */
  copy(source: Buffer, start: number, end: number): this {
    const at = this.#reserve(end - start);
    source.copy(this.#bytes, at, start, end);
    return this;
  }

  /** The text's bytes (see {@link encodeText}) after their number as varbyte. */
  text(text: string): this {
    if (text.length <= SHORT && this.#shortAscii(text)) return this;
    if (!text.isWellFormed()) {
      const bytes = encodeText(text);
      return this.varbyte(bytes.length).bytes(bytes);
    }
    const length = Buffer.byteLength(text, 'utf8');
    this.varbyte(length);
    const at = this.#reserve(length);
    this.#bytes.write(text, at, length, 'utf8');
    return this;
  }

  /** Sets the u32 at `position`, written before as a place-holder. */
  patchU32(position: number, value: number): this {
    this.#view.setUint32(position, value);
    return this;
  }

  /** Most cells are short ASCII: faster by hand than through a call into C++. */
  #shortAscii(text: string): boolean {
    const length = text.length;
    const at = this.#reserve(length + 1);
    const bytes = this.#bytes;
    bytes[at] = length;
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) {
        this.#at = at;
        return false;
      }
      bytes[at + 1 + index] = unit;
    }
    return true;
  }

  #reserve(length: number): number {
    const at = this.#at;
    const end = at + length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#at = end;
    return at;
  }

  #grow(needed: number): void {
    const before = this.#bytes;
    this.#allocate(Math.max(needed, before.length * 2));
    this.#bytes.set(before.subarray(0, this.#at));
  }

  #allocate(capacity: number): void {
    this.#bytes = Buffer.from(new ArrayBuffer(capacity));
    this.#view = new DataView(this.#bytes.buffer);
  }
}
