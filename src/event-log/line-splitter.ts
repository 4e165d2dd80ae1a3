import { EventLogError } from './event-log-error.ts';

/** A line without its end, and the byte of its file that it starts at. */
export interface Line {
  readonly bytes: Buffer;
  readonly offset: number;
}

const LINE_END = 0x0a;

/** Cuts chunks of a file into lines; never holds more than the longest line allowed and one chunk. */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #length = 0;
  #offset: number;

  /** `offset` is the byte of the file that the first chunk starts at. */
  constructor(maxBytes: number, offset = 0) {
    this.#maxBytes = maxBytes;
    this.#offset = offset;
  }

  /** The lines that the chunk completes. They share the chunk's memory. Throws `record-too-long`. */
  *push(chunk: Buffer): Generator<Line> {
    let start = 0;
    for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, start)) {
      yield this.#take(chunk.subarray(start, end));
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  /** The byte of the file that the next line starts at. */
  get offset(): number {
    return this.#offset;
  }

  #take(last: Buffer): Line {
    const bytes = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]);
    const line = { bytes, offset: this.#offset };
    this.#offset += bytes.length + 1;
    this.#parts = [];
    this.#length = 0;
    return line;
  }

  #keep(part: Buffer): void {
    this.#parts.push(part);
    this.#length += part.length;
    if (this.#length <= this.#maxBytes) return;
    throw new EventLogError(
      'record-too-long',
      `no line ends within ${this.#maxBytes} bytes of byte ${this.#offset}: this is not an event log, or it is damaged`,
    );
  }
}
