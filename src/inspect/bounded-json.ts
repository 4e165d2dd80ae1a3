import { printable } from '../replay/printable.ts';

/** Members that are shown to nobody, whatever they hold: secrets, and rows. */
const HIDDEN = /^(password|passphrase|secret|token|credentials|rows)$/i;
/** What stands in their place. */
const HIDDEN_VALUE = '(hidden)';
const DEEPEST = 12;

/** The value of a member as it may be shown: counts of rows are no rows. */
export function shownValue(name: string, value: unknown): unknown {
  const isTold = typeof value === 'number' || value === null || value === undefined;
  return !isTold && HIDDEN.test(name) ? HIDDEN_VALUE : value;
}

/**
 * A value as JSON in which every text is printable, cut with `…` where it is longer than `most` characters. Takes no
 * longer than that is, however large the value. Members named like secrets and lists of rows are left out.
 */
export function boundedJson(value: unknown, most: number): string {
  const written = new Writer(most);
  written.put(value, 0);
  return written.text;
}

class Writer {
  readonly #most: number;
  #text = '';

  constructor(most: number) {
    this.#most = most;
  }

  get text(): string {
    return this.#isFull ? `${this.#text.slice(0, this.#most)}…` : this.#text;
  }

  get #isFull(): boolean {
    return this.#text.length > this.#most;
  }

  put(value: unknown, depth: number): void {
    if (this.#isFull) return;
    if (typeof value === 'string') this.#text += JSON.stringify(this.#printable(value));
    else if (typeof value === 'bigint') this.#text += `${value}`;
    else if (value instanceof Error) this.put({ error: value.message }, depth);
    else if (typeof value !== 'object' || value === null) this.#text += JSON.stringify(value) ?? 'null';
    else if (depth >= DEEPEST) this.#text += '"…"';
    else if (Array.isArray(value)) this.#list(value, depth);
    else this.#members(value, depth);
  }

  /** Of a text that is too long no more is looked at than there is room for. */
  #printable(text: string): string {
    return printable(text.length <= this.#most ? text : `${text.slice(0, this.#most)}…`);
  }

  #list(values: readonly unknown[], depth: number): void {
    let separator = '[';
    for (const value of values) {
      this.#text += separator;
      separator = ',';
      this.put(value, depth + 1);
      if (this.#isFull) return;
    }
    this.#text += values.length === 0 ? '[]' : ']';
  }

  #members(values: object, depth: number): void {
    let separator = '{';
    for (const name in values) {
      const value = (values as Readonly<Record<string, unknown>>)[name];
      if (value === undefined || typeof value === 'function') continue;
      this.#text += `${separator}${JSON.stringify(this.#printable(name))}:`;
      separator = ',';
      this.put(shownValue(name, value), depth + 1);
      if (this.#isFull) return;
    }
    this.#text += separator === '{' ? '{}' : '}';
  }
}
