import type { ByteWriter } from '../broker/byte-writer.ts';
import { writeArgument } from '../broker/zeek-event.ts';
import type { Column, NullPolicy, Reals } from './model.ts';
import { cellConverter, isRowProblem } from './row-values.ts';

/** Tags of Broker's binary form. */
const NONE = 0;
const COUNT = 2;
const INTEGER = 3;
const REAL = 4;
const STRING = 5;

const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
/** Digits that a number of JavaScript holds whatever they are. */
const EXACT_DIGITS = 15;
const POWERS = Array.from({ length: EXACT_DIGITS + 1 }, (_, power) => 10 ** power);
const BACKSLASH = 0x5c;
const X = 0x78;
/** What the letter behind a backslash stands for in JSON, 0 where that takes more. */
const UNESCAPED: Readonly<Uint8Array> = lettersToBytes({
  '"': 34,
  '\\': 92,
  '/': 47,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
});
/** The longest number of 7 bits, in which a length takes one byte. */
const ONE_BYTE = 0x7f;
/** Up to this length bytes are copied one by one, which is faster than a call. */
const SHORT = 24;

/**
 * Writes the values of one column as Broker has them, from the bytes of osquery's text where they have no escapes: texts as
 * they stand there, numbers digit by digit. What is not quite so simple goes by way of `cellConverter`, which says what
 * has to come out.
 */
export class CellWriter {
  readonly #kind: 'text' | 'integer' | 'count' | 'real' | 'other';
  readonly #null: typeof NONE | 'zero' | 'skip';
  readonly #convert: ReturnType<typeof cellConverter>;
  readonly #real = new DataView(new ArrayBuffer(8));

  constructor(column: Column, nullPolicy: NullPolicy, reals: Reals) {
    this.#kind = column.zeek ? 'other' : KINDS[column.type];
    this.#null = nullPolicy === 'none' ? NONE : nullPolicy === 'skip_row' ? 'skip' : 'zero';
    this.#convert = cellConverter(column, nullPolicy, reals);
  }

  /** Whether values are texts, written as they are. */
  get isText(): boolean {
    return this.#kind === 'text';
  }

  /**
   * Writes the text that lies in the bytes from `start` to `end`.
   * @returns whether it did; if not, it takes {@link writeText}
   */
  writeBytes(out: ByteWriter, bytes: Buffer, start: number, end: number): boolean {
    if (this.#kind === 'text') {
      writeString(out, bytes, start, end);
      return true;
    }
    if (this.#kind === 'other') return false;
    if (start === end) return this.#writeNull(out);
    return this.#kind === 'real'
      ? this.#writeReal(out, bytes, start, end)
      : this.#writeWhole(out, bytes, start, end);
  }

  /**
   * Writes a text that lies in the bytes with JSON's escapes.
   * @param escapes whether osquery's own, which begin with `\\\\x`, are to be undone too
   * @returns whether it did; if not, it takes {@link writeText}
   */
  writeEscaped(out: ByteWriter, bytes: Buffer, start: number, end: number, escapes: boolean): boolean {
    if (this.#kind !== 'text') return false;
    let length = 0;
    for (let at = start; at < end; length += 1) {
      const found = bytes[at] === BACKSLASH ? escapeAt(bytes, at, end, escapes) : ONE;
      if (found < 0) return false;
      at += found >> 8;
    }
    out.u8(STRING).varbyte(length);
    let to = out.length;
    const target = out.room(length);
    for (let at = start; at < end; to += 1) {
      const byte = bytes[at] as number;
      const found = byte === BACKSLASH ? escapeAt(bytes, at, end, escapes) : ONE;
      target[to] = found === ONE ? byte : found;
      at += found >> 8;
    }
    out.endAt(to);
    return true;
  }

  /** Writes what the text stands for. @returns whether the row can be sent with it */
  writeText(out: ByteWriter, text: string): boolean {
    const value = this.#convert(text);
    if (isRowProblem(value)) return false;
    writeArgument(out, value);
    return true;
  }

  #writeNull(out: ByteWriter): boolean {
    if (this.#null === 'skip') return false;
    if (this.#null === NONE) out.u8(NONE);
    else writeNumber(out, this.#kind === 'real' ? REAL : this.#kind === 'count' ? COUNT : INTEGER, 0, 0);
    return true;
  }

  #writeWhole(out: ByteWriter, bytes: Buffer, start: number, end: number): boolean {
    const isNegative = bytes[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    const length = end - first;
    if (length < 1 || length > EXACT_DIGITS || (isNegative && this.#kind === 'count')) return false;
    let value = 0;
    for (let at = first; at < end; at += 1) {
      const byte = bytes[at] as number;
      if (byte < ZERO || byte > NINE) return false;
      value = value * 10 + (byte - ZERO);
    }
    let high = Math.floor(value / 0x1_0000_0000);
    let low = value >>> 0;
    if (isNegative && value > 0) {
      // Two's complement.
      low = (~low + 1) >>> 0;
      high = ~high + (low === 0 ? 1 : 0);
    }
    writeNumber(out, this.#kind === 'count' ? COUNT : INTEGER, high, low);
    return true;
  }

  /** A decimal fraction without an exponent: the quotient of two numbers that are exact is rounded as it should be. */
  #writeReal(out: ByteWriter, bytes: Buffer, start: number, end: number): boolean {
    const isNegative = bytes[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    if (end - first > EXACT_DIGITS + 1) return false;
    let value = 0;
    let point = -1;
    for (let at = first; at < end; at += 1) {
      const byte = bytes[at] as number;
      if (byte === POINT && point < 0 && at > first) point = at;
      else if (byte < ZERO || byte > NINE) return false;
      else value = value * 10 + (byte - ZERO);
    }
    const digits = end - first - (point < 0 ? 0 : 1);
    if (digits < 1 || digits > EXACT_DIGITS) return false;
    if (point >= 0) value /= POWERS[end - point - 1] as number;
    this.#real.setFloat64(0, isNegative ? -value : value);
    writeNumber(out, REAL, this.#real.getUint32(0), this.#real.getUint32(4));
    return true;
  }
}

const KINDS = {
  TEXT: 'text',
  BLOB: 'text',
  UNKNOWN: 'text',
  INTEGER: 'integer',
  BIGINT: 'integer',
  'UNSIGNED BIGINT': 'count',
  DOUBLE: 'real',
} as const satisfies Record<Column['type'], string>;

/** No escape, one byte. */
const ONE = 1 << 8;

/** Of the escape that begins there: its length in bits from 8 on, the byte that it is below; -1 for one of another kind. */
function escapeAt(bytes: Buffer, at: number, end: number, escapes: boolean): number {
  const letter = bytes[at + 1] as number;
  if (escapes && letter === BACKSLASH && bytes[at + 2] === X && at + 5 <= end) {
    const high = HEX[bytes[at + 3] as number] as number;
    const low = HEX[bytes[at + 4] as number] as number;
    // osquery escapes control characters and what is no UTF-8.
    if (low < 16 && (high < 2 || (high >= 8 && high < 16))) return (5 << 8) | (high << 4) | low;
  }
  const byte = UNESCAPED[letter] as number;
  return byte === 0 ? -1 : (2 << 8) | byte;
}

/** What a digit of osquery's escapes stands for, upper case; 255: no digit. */
const HEX: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, byte) => {
  const digit = '0123456789ABCDEF'.indexOf(String.fromCharCode(byte));
  return digit < 0 ? 255 : digit;
});

function lettersToBytes(letters: Readonly<Record<string, number>>): Uint8Array {
  const table = new Uint8Array(256);
  for (const [letter, byte] of Object.entries(letters)) table[letter.charCodeAt(0)] = byte;
  return table;
}

/** A string of those bytes. */
function writeString(out: ByteWriter, bytes: Buffer, start: number, end: number): void {
  const length = end - start;
  if (length > ONE_BYTE) {
    out.u8(STRING).varbyte(length).copy(bytes, start, end);
    return;
  }
  const at = out.length;
  const target = out.room(length + 2);
  target[at] = STRING;
  target[at + 1] = length;
  if (length <= SHORT) {
    for (let index = 0; index < length; index += 1) target[at + 2 + index] = bytes[start + index] as number;
  } else bytes.copy(target, at + 2, start, end);
  out.endAt(at + 2 + length);
}

/** The tag and 64 bits, as two halves. */
export function writeNumber(out: ByteWriter, tag: number, high: number, low: number): void {
  const at = out.length;
  const target = out.room(9);
  target[at] = tag;
  writeHalf(target, at + 1, high);
  writeHalf(target, at + 5, low);
  out.endAt(at + 9);
}

export function writeHalf(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}
