/** A line of one of Zeek's logs, in whichever of its two formats. */
export interface LogRow {
  /** Undefined where the field is unset, or the log has no such field. */
  text(field: string): string | undefined;
  number(field: string): number | undefined;
  /** Milliseconds since the epoch. */
  time(field: string): number | undefined;
  /** Elements of a set or vector. */
  list(field: string): readonly string[];
}

/** What a line of a log turned out to be; `skipped` for headers and blank lines. */
export type Line =
  | { readonly kind: 'row'; readonly row: LogRow }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'unreadable' };

const SKIPPED: Line = { kind: 'skipped' };
const UNREADABLE: Line = { kind: 'unreadable' };

/** Reads the lines of one file, one after another; which format it has is seen line by line. */
export class LogLines {
  /** The log's name where the file says it (`#path`); undefined in JSON and before the header. */
  path: string | undefined;
  #separator = '\t';
  #words: Words = { set: ',', empty: '(empty)', unset: '-' };
  #fields: ReadonlyMap<string, number> | undefined;

  read(line: string): Line {
    if (line === '') return SKIPPED;
    if (line.startsWith('{')) return jsonRow(line);
    if (line.startsWith('#')) return this.#header(line);
    if (this.#fields === undefined) return UNREADABLE;
    const cells = line.split(this.#separator);
    // Cut off in the middle, or of another file.
    if (cells.length !== this.#fields.size) return UNREADABLE;
    return { kind: 'row', row: new TsvRow(cells, this.#fields, this.#words) };
  }

  #header(line: string): Line {
    if (line.startsWith('#separator ')) this.#separator = unescaped(line.slice('#separator '.length).trim());
    const [name = '', ...values] = line.split(this.#separator);
    const [value = ''] = values;
    if (name === '#path') this.path = value;
    if (name === '#set_separator') this.#words = { ...this.#words, set: unescaped(value) };
    if (name === '#empty_field') this.#words = { ...this.#words, empty: value };
    if (name === '#unset_field') this.#words = { ...this.#words, unset: value };
    if (name === '#fields') this.#fields = new Map(values.map((field, at) => [field, at]));
    return SKIPPED;
  }
}

interface Words {
  readonly set: string;
  readonly empty: string;
  readonly unset: string;
}

class TsvRow implements LogRow {
  readonly #cells: readonly string[];
  readonly #fields: ReadonlyMap<string, number>;
  readonly #words: Words;

  constructor(cells: readonly string[], fields: ReadonlyMap<string, number>, words: Words) {
    this.#cells = cells;
    this.#fields = fields;
    this.#words = words;
  }

  text(field: string): string | undefined {
    const raw = this.#raw(field);
    if (raw === undefined) return undefined;
    return raw === this.#words.empty ? '' : unescaped(raw);
  }

  number(field: string): number | undefined {
    return finite(this.#raw(field));
  }

  time(field: string): number | undefined {
    return milliseconds(this.#raw(field));
  }

  list(field: string): readonly string[] {
    const raw = this.#raw(field);
    return raw === undefined || raw === this.#words.empty ? [] : raw.split(this.#words.set).map(unescaped);
  }

  #raw(field: string): string | undefined {
    const at = this.#fields.get(field);
    const cell = at === undefined ? undefined : this.#cells[at];
    return cell === this.#words.unset ? undefined : cell;
  }
}

class JsonRow implements LogRow {
  readonly #members: Readonly<Record<string, unknown>>;

  constructor(members: Readonly<Record<string, unknown>>) {
    this.#members = members;
  }

  text(field: string): string | undefined {
    const value = this.#members[field];
    if (value === undefined || value === null) return undefined;
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }

  number(field: string): number | undefined {
    return finite(this.#members[field]);
  }

  time(field: string): number | undefined {
    return milliseconds(this.#members[field]);
  }

  list(field: string): readonly string[] {
    const value = this.#members[field];
    return Array.isArray(value) ? value.map(String) : [];
  }
}

function jsonRow(line: string): Line {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return UNREADABLE;
    return { kind: 'row', row: new JsonRow(value as Readonly<Record<string, unknown>>) };
  } catch {
    return UNREADABLE;
  }
}

function finite(value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Numbers from here on are milliseconds: as seconds they would be of the year 5138. */
const MILLISECONDS_FROM = 1e11;

/** Seconds with a fraction; in JSON perhaps milliseconds, or a date in ISO 8601 (`LogAscii::json_timestamps`). */
function milliseconds(value: unknown): number | undefined {
  const number = finite(value);
  const time =
    number !== undefined
      ? number >= MILLISECONDS_FROM
        ? number
        : number * 1000
      : typeof value === 'string'
        ? Date.parse(value)
        : Number.NaN;
  // What a date can't hold is no time.
  return Math.abs(time) <= 8.64e15 ? time : undefined;
}

/** Zeek writes a byte that is no plain text as `\xNN`. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  const bytes = text.replaceAll(/\\x([0-9a-fA-F]{2})|\\\\/g, (match, hex: string | undefined) =>
    hex === undefined ? (match[0] ?? '') : `\ue000${hex}`,
  );
  return bytes.replaceAll(/(?:\ue000[0-9a-fA-F]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('\ue000', ''), 'hex').toString('utf8'),
  );
}
