import { CodecError } from './codec-error.ts';

/** A number as it was written: what 64 bits hold, a JavaScript number doesn't. */
export interface JsonNumber {
  readonly digits: string;
}
export type JsonObject = ReadonlyMap<string, JsonValue>;
export type JsonValue = null | boolean | string | JsonNumber | readonly JsonValue[] | JsonObject;

/** Deepest nesting read: each level of Broker's values takes two of JSON's. */
const MAX_DEPTH = 250;
/** Most values in one text. */
const MAX_VALUES = 2_000_000;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  // Zeek writes it though JSON has no such escape.
  v: '\v',
};
const WORDS = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const;
const NUMBER = /-?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|nan|inf)/y;
const PLAIN = /[^"\\]*/y;
const SPACE = /[ \t\r\n]*/y;
const HEX = /[0-9a-fA-F]{4}/y;

/**
 * Reads JSON as Zeek writes it: numbers stay text; `\v`, raw control bytes in strings, `nan` and `inf` are
 * taken. Of a key that repeats the last value counts.
 * @throws CodecError `bad-json`, `truncated`, `trailing`, `too-deep`, `too-many`; offsets count characters
 */
export function parseJson(text: string): JsonValue {
  const parser = new Parser(text);
  const value = parser.value(0);
  parser.end();
  return value;
}

class Parser {
  readonly #text: string;
  #at = 0;
  #values = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): JsonValue {
    this.#values += 1;
    if (this.#values > MAX_VALUES) {
      throw new CodecError('too-many', this.#at, `more than ${MAX_VALUES} values in one message`);
    }
    this.#take(SPACE);
    const next = this.#text[this.#at];
    if (next === '"') return this.#string();
    if (next === '{' || next === '[') {
      if (depth >= MAX_DEPTH) throw new CodecError('too-deep', this.#at, `nested deeper than ${MAX_DEPTH}`);
      return next === '{' ? this.#object(depth + 1) : this.#array(depth + 1);
    }
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    const digits = this.#take(NUMBER);
    if (digits !== '') return { digits };
    throw this.#unexpected('a value');
  }

  end(): void {
    this.#take(SPACE);
    if (this.#at < this.#text.length) {
      throw new CodecError('trailing', this.#at, 'unexpected text after the JSON value');
    }
  }

  #object(depth: number): JsonObject {
    const members = new Map<string, JsonValue>();
    this.#at += 1;
    if (this.#skip('}')) return members;
    do {
      this.#take(SPACE);
      if (this.#text[this.#at] !== '"') throw this.#unexpected('a key');
      const key = this.#string();
      if (!this.#skip(':')) throw this.#unexpected('":"');
      members.set(key, this.value(depth));
    } while (this.#skip(','));
    if (!this.#skip('}')) throw this.#unexpected('"," or "}"');
    return members;
  }

  #array(depth: number): JsonValue[] {
    const items: JsonValue[] = [];
    this.#at += 1;
    if (this.#skip(']')) return items;
    do items.push(this.value(depth));
    while (this.#skip(','));
    if (!this.#skip(']')) throw this.#unexpected('"," or "]"');
    return items;
  }

  #string(): string {
    this.#at += 1;
    let text = '';
    for (;;) {
      text += this.#take(PLAIN);
      const next = this.#text[this.#at];
      if (next === '"') {
        this.#at += 1;
        return text;
      }
      if (next === undefined) throw this.#unexpected('the end of a string');
      text += this.#escape();
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? '';
    const plain = ESCAPES[letter];
    if (plain !== undefined) {
      this.#at += 2;
      return plain;
    }
    if (letter !== 'u') throw this.#unexpected('an escape');
    this.#at += 2;
    const hex = this.#take(HEX);
    if (hex === '') throw this.#unexpected('4 hexadecimal digits');
    const unit = Number.parseInt(hex, 16);
    // An escaped half of a pair alone is no character; as it stands it would be taken for an escaped byte.
    if (unit >= 0xd800 && unit <= 0xdbff) {
      const low = /\\u([dD][c-fC-F][0-9a-fA-F]{2})/y;
      low.lastIndex = this.#at;
      const [all = '', half = ''] = low.exec(this.#text) ?? [];
      this.#at += all.length;
      return half === '' ? '\ufffd' : String.fromCharCode(unit, Number.parseInt(half, 16));
    }
    return unit >= 0xdc00 && unit <= 0xdfff ? '\ufffd' : String.fromCharCode(unit);
  }

  /** What the pattern matches here, and moves past it. */
  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ''] = pattern.exec(this.#text) ?? [];
    this.#at += found.length;
    return found;
  }

  /** Whether this mark comes next; moves past it. */
  #skip(mark: string): boolean {
    this.#take(SPACE);
    if (this.#text[this.#at] !== mark) return false;
    this.#at += 1;
    return true;
  }

  #unexpected(wanted: string): CodecError {
    const found = this.#text[this.#at];
    if (found === undefined)
      return new CodecError('truncated', this.#at, `unexpected end of input, expected ${wanted}`);
    return new CodecError('bad-json', this.#at, `expected ${wanted}, got ${JSON.stringify(found)}`);
  }
}

/**
 * The text as a JSON string. Zeek closes the connection at what is no UTF-8, so a byte that is none (see
 * byte-text.ts) is written out as `\xNN`, as Zeek's own logs do: the one thing that does not survive JSON.
 */
export function printJsonString(text: string): string {
  if (text.isWellFormed()) return JSON.stringify(text);
  const printable = text.replaceAll(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g, (unit) => {
    if (unit.length === 2) return unit;
    const byte = unit.charCodeAt(0) - 0xdc00;
    return byte >= 0x80 && byte <= 0xff ? `\\x${byte.toString(16)}` : '\ufffd';
  });
  return JSON.stringify(printable);
}
