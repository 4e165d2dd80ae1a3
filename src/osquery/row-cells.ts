import { decodeText } from '../text/byte-text.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** How a value stands in the row: a string without escapes, one with some, digits without quotes. */
export const PLAIN = 0;
export const ESCAPED = 1;
export const DIGITS = 2;

/**
 * Finds the values of rows in their JSON without making them. It takes rows as osquery writes them: all columns, each
 * once, always in the same order (by name, as a rule, not as the query has them), and no white space.
 */
export class RowCells {
  /** Where the values begin and end, without quotes, and how they stand there, in the query's order. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly kinds: Uint8Array;
  /** `"name":` by column. */
  readonly #keys: readonly Uint8Array[];
  /** By what stands between the quotes, as latin1. */
  readonly #byName: ReadonlyMap<string, number>;
  /** Which column comes at which place in a row. */
  #order: readonly number[];

  /** @param names of the query's columns, each once */
  constructor(names: readonly string[]) {
    const keys = names.map((name) => Buffer.from(`${JSON.stringify(name)}:`));
    this.#keys = keys;
    this.#byName = new Map(keys.map((key, at) => [key.toString('latin1', 1, key.length - 2), at]));
    this.#order = names.map((_, at) => at);
    this.starts = new Int32Array(names.length);
    this.ends = new Int32Array(names.length);
    this.kinds = new Uint8Array(names.length);
  }

  /** @returns whether the row, which lies from `start` to `end`, is of that kind; if not nothing has been found */
  find(bytes: Buffer, start: number, end: number): boolean {
    if (this.#find(bytes, start, end)) return true;
    return this.#learn(bytes, start, end) && this.#find(bytes, start, end);
  }

  #find(bytes: Buffer, start: number, end: number): boolean {
    const order = this.#order;
    if (end - start < 2 || bytes[start] !== OPEN) return false;
    let at = start;
    for (let place = 0; place < order.length; place += 1) {
      if (place > 0 && bytes[at] !== COMMA) return false;
      at += 1;
      const column = order[place] as number;
      const key = this.#keys[column] as Uint8Array;
      if (at + key.length >= end) return false;
      for (let index = 0; index < key.length; index += 1) if (bytes[at + index] !== key[index]) return false;
      at = this.#value(bytes, at + key.length, end, column);
      if (at < 0) return false;
    }
    return at === end - 1 && bytes[at] === CLOSE;
  }

  /** @returns where the value ends, -1 where it is none of those kinds */
  #value(bytes: Buffer, start: number, end: number, column: number): number {
    let at = start;
    if (bytes[at] === QUOTE) {
      let kind = PLAIN;
      for (at += 1; at < end; at += 1) {
        const byte = bytes[at] as number;
        if (byte === QUOTE) {
          this.starts[column] = start + 1;
          this.ends[column] = at;
          this.kinds[column] = kind;
          return at + 1;
        }
        if (byte === BACKSLASH) {
          kind = ESCAPED;
          at += 1;
          if ((bytes[at] as number) < 0x20) return -1;
        } else if (byte < 0x20) return -1;
      }
      return -1;
    }
    const digits = bytes[at] === MINUS ? at + 1 : at;
    for (at = digits; at < end; at += 1) {
      const byte = bytes[at] as number;
      if (byte < ZERO || byte > NINE) break;
    }
    // JSON has no number that begins with 0 but that one.
    if (at === digits || (bytes[digits] === ZERO && at > digits + 1)) return -1;
    this.starts[column] = start;
    this.ends[column] = at;
    this.kinds[column] = DIGITS;
    return at;
  }

  /** Learns the order of a row's columns. @returns whether it is another than was known */
  #learn(bytes: Buffer, start: number, end: number): boolean {
    const order: number[] = [];
    let at = start;
    while (order.length < this.#keys.length && at < end) {
      const from = at + 2;
      if (bytes[at + 1] !== QUOTE) return false;
      const to = bytes.indexOf(QUOTE, from);
      if (to < 0 || bytes[to + 1] !== COLON) return false;
      const column = this.#byName.get(bytes.toString('latin1', from, to));
      if (column === undefined || order.includes(column)) return false;
      order.push(column);
      at = this.#value(bytes, to + 2, end, column);
      if (at < 0) return false;
    }
    if (order.every((column, place) => column === this.#order[place])) return false;
    this.#order = order;
    return true;
  }
}

/** The text of a value that stands there so. @throws SyntaxError for a string that is no JSON */
export function textOfCell(bytes: Buffer, start: number, end: number, kind: number): string {
  return kind === ESCAPED
    ? JSON.parse(decodeText(bytes.subarray(start - 1, end + 1)))
    : decodeText(bytes.subarray(start, end));
}
