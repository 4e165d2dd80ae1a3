import { decodeText } from '../text/byte-text.ts';
import { CodecError } from './codec-error.ts';

/** Longest string whose characters are worth a look one by one before a decoder is called. */
const SHORT = 48;

/**
 * A cursor over bytes whose methods are the wire's types, all big-endian. Every method moves the cursor past
 * what it returns, or throws a {@link CodecError} `truncated`. Nothing returned shares memory with the input,
 * except {@link view}.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    const at = this.#advance(1);
    return this.#view.getUint8(at);
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8));
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#advance(8));
  }

  f64(): number {
    return this.#view.getFloat64(this.#advance(8));
  }

  /**
   * A length in unsigned LEB128, of something that takes at least `bytesEach` further bytes a piece: a length
   * that the rest of the input can't hold is refused before anybody allocates for it.
   */
  varbyteLength(bytesEach = 1): number {
    const start = this.#at;
    let value = 0;
    for (let scale = 1; scale <= 0x1000_0000; scale *= 0x80) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value * bytesEach <= this.remaining) return value;
        throw new CodecError(
          'truncated',
          start,
          `length ${value} exceeds the remaining ${this.remaining} bytes`,
        );
      }
    }
    throw new CodecError('too-long', start, 'varbyte length longer than 5 bytes');
  }

  /** A copy of the next `length` bytes. */
  bytes(length: number): Uint8Array {
    // Not `slice`: that of a Buffer shares memory.
    return new Uint8Array(this.view(length));
  }

  /** The next `length` bytes themselves, valid as long as the input is. */
  view(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** `length` bytes as text, see {@link decodeText}. */
  text(length: number): string {
    const at = this.#advance(length);
    const end = at + length;
    if (length <= SHORT) {
      let text = '';
      let index = at;
      for (; index < end; index += 1) {
        const byte = this.#bytes[index] ?? 0;
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (index === end) return text;
    }
    return decodeText(this.#bytes.subarray(at, end));
  }

  /** @throws CodecError `trailing` unless everything has been read */
  end(): void {
    if (this.remaining > 0) {
      throw new CodecError('trailing', this.#at, `${this.remaining} trailing bytes after the value`);
    }
  }

  #advance(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) {
      throw new CodecError('truncated', at, `${length} bytes expected, ${this.#bytes.length - at} left`);
    }
    this.#at = at + length;
    return at;
  }
}
