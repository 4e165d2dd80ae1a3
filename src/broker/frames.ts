import { CodecError } from './codec-error.ts';

/** Longest frame taken in by default: 64 MiB. */
export const DEFAULT_MAX_FRAME = 64 * 1024 * 1024;
const HEADER = 4;

/**
 * Cuts a byte stream into frames (u32 length, payload), whatever the size of the chunks it comes in. Holds at
 * most one unfinished frame, and memory only for the part of it that has come.
 */
export class FrameSplitter {
  /** Bound on a payload's length; may be changed between frames. */
  maxLength: number;
  #pending: Buffer = Buffer.alloc(0);
  #filled = 0;
  #consumed = 0;

  constructor(maxLength = DEFAULT_MAX_FRAME) {
    this.maxLength = maxLength;
  }

  /** Bytes of an unfinished frame that are held. */
  get held(): number {
    return this.#filled;
  }

  /**
   * Calls `onFrame` with each payload that the chunk completes. A payload may share memory with the chunk: who
   * keeps parts of it copies them.
   * @throws CodecError `frame-empty`, `frame-too-large`, after the frames before it; the stream is lost then
   */
  push(chunk: Uint8Array, onFrame: (payload: Uint8Array) => void): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#filled === 0 && rest.length >= HEADER) {
        const length = this.#lengthAt(rest);
        if (rest.length >= HEADER + length) {
          this.#consumed += HEADER + length;
          const payload = rest.subarray(HEADER, HEADER + length);
          rest = rest.subarray(HEADER + length);
          onFrame(payload);
          continue;
        }
      }
      rest = this.#collect(rest, onFrame);
    }
  }

  #collect(chunk: Uint8Array, onFrame: (payload: Uint8Array) => void): Uint8Array {
    if (this.#filled < HEADER) {
      const taken = this.#append(chunk, HEADER);
      // A bad length is refused as soon as it is known, not when the payload has come.
      if (this.#filled === HEADER) this.#lengthAt(this.#pending);
      return chunk.subarray(taken);
    }
    const wanted = HEADER + this.#lengthAt(this.#pending);
    const taken = this.#append(chunk, wanted);
    if (this.#filled === wanted) {
      const payload = this.#pending.subarray(HEADER, wanted);
      this.#pending = Buffer.alloc(0);
      this.#filled = 0;
      this.#consumed += wanted;
      onFrame(payload);
    }
    return chunk.subarray(taken);
  }

  /** Adds what the chunk has of the `wanted` first bytes of a frame; returns how many those were. */
  #append(chunk: Uint8Array, wanted: number): number {
    const bytes = chunk.subarray(0, wanted - this.#filled);
    const end = this.#filled + bytes.length;
    if (end > this.#pending.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(end, Math.min(wanted, this.#pending.length * 2)));
      grown.set(this.#pending.subarray(0, this.#filled));
      this.#pending = grown;
    }
    this.#pending.set(bytes, this.#filled);
    this.#filled = end;
    return bytes.length;
  }

  #lengthAt(bytes: Uint8Array): number {
    const length = new DataView(bytes.buffer, bytes.byteOffset, HEADER).getUint32(0);
    if (length === 0) throw new CodecError('frame-empty', this.#consumed, 'a frame of length 0');
    if (length > this.maxLength) {
      const bound = `the limit is ${this.maxLength}`;
      throw new CodecError('frame-too-large', this.#consumed, `a frame of ${length} bytes, ${bound}`);
    }
    return length;
  }
}
