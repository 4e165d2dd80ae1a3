/**
 * A scanner over the bytes of JSON that finds where values begin and end without making them: osquery's lines
 * may be hundreds of megabytes, of which a caller wants a few keys now and the rows one by one later.
 */

/** Where in the bytes the text stops being what it should be. */
export class JsonBytesError extends Error {
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(problem);
    this.name = 'JsonBytesError';
    this.offset = offset;
  }
}

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const BACKSLASH = 0x5c;
/** Strings up to this length are walked byte by byte; beyond, the search for the end is left to native code. */
const NEAR = 256;

export class JsonScanner {
  readonly bytes: Buffer;
  /** Where the scanner stands. */
  at = 0;
  /** Whether a string so far may have held a backslash. */
  sawEscape = false;
  /** Whether a string so far may have held a byte above 127. */
  sawNonAscii = false;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The next byte that is no white space, or -1 at the end; the scanner then stands on it. */
  peek(): number {
    const { bytes } = this;
    for (let at = this.at; at < bytes.length; at += 1) {
      const byte = bytes[at] as number;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
        this.at = at;
        return byte;
      }
    }
    this.at = bytes.length;
    return -1;
  }

  /** Moves over that one byte. @throws JsonBytesError if another stands here */
  take(byte: number): void {
    if (this.peek() !== byte) this.fail(`expected ${JSON.stringify(String.fromCharCode(byte))}`);
    this.at += 1;
  }

  fail(problem: string): never {
    const ended = this.at >= this.bytes.length;
    throw new JsonBytesError(ended ? `${problem}, but the text ends` : problem, this.at);
  }

  /** Moves over a string; the scanner stands on its opening quote. */
  string(): void {
    if (this.peek() !== QUOTE) this.fail('expected a string');
    const { bytes } = this;
    let at = this.at + 1;
    const near = Math.min(bytes.length, at + NEAR);
    let bits = 0;
    for (; at < near; at += 1) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) {
        if (bits > 0x7f) this.sawNonAscii = true;
        this.at = at + 1;
        return;
      }
      if (byte === BACKSLASH) {
        this.sawEscape = true;
        at += 1;
      }
      bits |= byte;
    }
    this.sawEscape = true;
    this.sawNonAscii = true;
    this.at = this.#endOfLongString(at);
  }

  #endOfLongString(from: number): number {
    const { bytes } = this;
    for (let search = from; ; ) {
      const quote = bytes.indexOf(QUOTE, search);
      if (quote < 0 || from > bytes.length) {
        this.at = bytes.length;
        this.fail('expected the end of a string');
      }
      let slashes = 0;
      while (quote - slashes > from && bytes[quote - slashes - 1] === BACKSLASH) slashes += 1;
      if (slashes % 2 === 0) return quote + 1;
      search = quote + 1;
    }
  }

  /** Moves over any value; of what is nested in it only brackets and strings are looked at. */
  value(): void {
    const first = this.peek();
    if (first === QUOTE) this.string();
    else if (first === OPEN_BRACE || first === OPEN_BRACKET) this.#nested();
    else this.#scalar();
  }

  #nested(): void {
    let depth = 0;
    do {
      const byte = this.peek();
      if (byte < 0) this.fail('expected a closing bracket');
      if (byte === QUOTE) {
        this.string();
        continue;
      }
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
      this.at += 1;
    } while (depth > 0);
  }

  /** A number, `true`, `false` or `null`. */
  #scalar(): void {
    const { bytes } = this;
    let at = this.at;
    for (; at < bytes.length; at += 1) {
      const byte = bytes[at] as number;
      if (byte <= 0x20 || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) break;
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET || byte === QUOTE) this.fail('expected a value');
    }
    if (at === this.at) this.fail('expected a value');
    this.at = at;
  }

  /**
   * Moves over an object whose values are scalars.
   * @returns whether one of them is no string
   */
  flatObject(): boolean {
    let bare = false;
    this.take(OPEN_BRACE);
    if (this.peek() === CLOSE_BRACE) {
      this.at += 1;
      return bare;
    }
    for (;;) {
      this.string();
      this.take(COLON);
      if (this.peek() === QUOTE) this.string();
      else {
        bare = true;
        this.#scalar();
      }
      const after = this.peek();
      if (after !== COMMA && after !== CLOSE_BRACE) this.fail('expected a comma or the end of the object');
      this.at += 1;
      if (after === CLOSE_BRACE) return bare;
    }
  }
}
