import { strictJsonProblem, trimAscii, upToNul } from '../../../text/strict-json.ts';

/**
 * JSON as osqueryd's parser takes it: strict, but of keys given twice the first counts, and whole numbers
 * keep their sign and size. Numbers are their source text.
 */
export type ConfigValue =
  | { readonly kind: 'object'; readonly members: ReadonlyMap<string, ConfigValue> }
  | { readonly kind: 'array'; readonly items: readonly ConfigValue[] }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'null' };

/** Why a config text is refused, in osqueryd's words. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const MAX_SIZE = 1024 * 1024;
const MAX_DEPTH = 32;

/** @throws ConfigError */
export function parseConfig(text: string): ReadonlyMap<string, ConfigValue> {
  const json = upToNul(stripComments(text));
  if (Buffer.byteLength(json) > MAX_SIZE) {
    throw new ConfigError(
      `Error parsing the config JSON: the config size exceeds the limit of ${MAX_SIZE} bytes`,
    );
  }
  const root = parseJson(json);
  if (root?.kind !== 'object') throw new ConfigError('Error parsing the config JSON');
  if (depthOf(root) > MAX_DEPTH) {
    throw new ConfigError('Error validating the config JSON: configuration has too many nesting levels!');
  }
  return root.members;
}

/** The value, or undefined where the text is no JSON. */
export function parseJson(json: string): ConfigValue | undefined {
  try {
    JSON.parse(json);
  } catch {
    return undefined;
  }
  if (strictJsonProblem(json)) return undefined;
  // Known to be JSON, so reading it again needs no checks.
  return new JsonReader(json).value();
}

/** Lines that begin with `#` or `//` are comments; nothing else is. */
function stripComments(text: string): string {
  return text
    .replaceAll('\\\n', '')
    .split('\n')
    .map(trimAscii)
    .filter((line) => !line.startsWith('#') && !line.startsWith('//'))
    .map((line) => `${line}\n`)
    .join('');
}

function depthOf(value: ConfigValue): number {
  const inner =
    value.kind === 'object' ? [...value.members.values()] : value.kind === 'array' ? value.items : [];
  return inner.length === 0 ? 1 : 1 + Math.max(...inner.map(depthOf));
}

class JsonReader {
  readonly #json: string;
  #at = 0;

  constructor(json: string) {
    this.#json = json;
  }

  value(): ConfigValue {
    this.#blank();
    const char = this.#json[this.#at];
    if (char === '{') return this.#object();
    if (char === '[') return this.#array();
    if (char === '"') return { kind: 'string', text: this.#string() };
    const word = /[^\s,\]}]+/y;
    word.lastIndex = this.#at;
    const text = word.exec(this.#json)?.[0] ?? '';
    this.#at += text.length;
    if (text === 'null') return { kind: 'null' };
    if (text === 'true' || text === 'false') return { kind: 'bool', value: text === 'true' };
    return { kind: 'number', text };
  }

  #object(): ConfigValue {
    const members = new Map<string, ConfigValue>();
    this.#at += 1;
    while (this.#next() !== '}') {
      const key = this.#string();
      this.#blank();
      this.#at += 1;
      const value = this.value();
      if (!members.has(key)) members.set(key, value);
    }
    this.#at += 1;
    return { kind: 'object', members };
  }

  #array(): ConfigValue {
    const items: ConfigValue[] = [];
    this.#at += 1;
    while (this.#next() !== ']') items.push(this.value());
    this.#at += 1;
    return { kind: 'array', items };
  }

  /** The next character that is neither blank nor comma. */
  #next(): string {
    this.#blank();
    if (this.#json[this.#at] === ',') this.#at += 1;
    this.#blank();
    return this.#json[this.#at] ?? '';
  }

  #string(): string {
    const literal = /"(?:[^"\\]|\\.)*"/y;
    literal.lastIndex = this.#at;
    const text = literal.exec(this.#json)?.[0] ?? '""';
    this.#at += text.length;
    return JSON.parse(text) as string;
  }

  #blank(): void {
    while (/\s/.test(this.#json[this.#at] ?? '')) this.#at += 1;
  }
}
