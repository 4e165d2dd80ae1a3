import { encodeText } from '../text/byte-text.ts';
import { columnsOfCutLine } from './cut-line.ts';
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  JsonBytesError,
  JsonScanner,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from './json-bytes.ts';
import type { LogItem, MalformedLog } from './log-item.ts';
import { finishLine, MAX_HEAD_BYTES, type OpenLine, openLine, readHead, scalar } from './open-line.ts';
import { RowSpans } from './row-spans.ts';

/**
 * What a payload holds:
 * - `lines`: lines of a result log, one after another or as a JSON array (of objects, or of strings that hold
 *   lines)
 * - `rows`: bare rows, a JSON array of them or a single one, as the answer to a query or an event as it happens
 */
export type LogFormat = 'lines' | 'rows';

/** A longer row is reported instead of parsed. */
export const MAX_ROW_BYTES = 16 * 1024 * 1024;

type Mode = 'lines' | 'member' | 'diffMember' | 'array' | 'endOfRows' | 'done';

/**
 * Reads a log payload in slices. A first pass, {@link LogReader.advance}, finds the heads of the lines and where
 * their rows lie; since osquery writes the head behind the rows in some forms, no line is given out before the
 * pass is through it. Rows are then parsed one by one, by number.
 */
export class LogReader {
  readonly #format: LogFormat;
  readonly #maxRowBytes: number;
  readonly #scanner: JsonScanner;
  readonly #items: (LogItem | MalformedLog)[] = [];
  #mode: Mode = 'lines';
  /** Whether the lines are elements of a JSON array. */
  #list = false;
  #lineStart = 0;
  #line: OpenLine = openLine();
  /** Where the rows of the array that is being scanned go, and what comes after it. */
  #target = new RowSpans();
  #afterArray: Mode = 'member';

  constructor(payload: Uint8Array, format: LogFormat, maxRowBytes = MAX_ROW_BYTES) {
    this.#scanner = new JsonScanner(payload);
    this.#format = format;
    this.#maxRowBytes = maxRowBytes;
  }

  /** What has been found so far, in the payload's order. */
  get items(): readonly (LogItem | MalformedLog)[] {
    return this.#items;
  }

  /**
   * Scans on, for about that many bytes: a single row or a value beside the rows is never cut. Never throws.
   * @returns whether the whole payload has been scanned
   */
  advance(maxBytes = Number.POSITIVE_INFINITY): boolean {
    const until = this.#scanner.at + maxBytes;
    while (this.#mode !== 'done' && this.#scanner.at < until) {
      try {
        this.#mode = this.#step(until);
      } catch (error) {
        if (!(error instanceof JsonBytesError)) throw error;
        const start = this.#lineStart;
        this.#mode = this.#recover();
        const line = this.#scanner.bytes.subarray(start, this.#scanner.at);
        const isCut = error.offset >= start + line.toString('latin1').trimEnd().length;
        const columns = isCut ? columnsOfCutLine(line) : undefined;
        this.#items.push({ problem: error.message, offset: error.offset, ...(columns && { columns }) });
      }
    }
    return this.#mode === 'done';
  }

  #step(until: number): Mode {
    switch (this.#mode) {
      case 'lines':
        return this.#format === 'rows' ? this.#startRows() : this.#startLine();
      case 'member':
        return this.#member();
      case 'diffMember':
        return this.#diffMember();
      case 'array':
        return this.#arrayRows(until);
      case 'endOfRows':
        return this.#end('the rows');
      case 'done':
        return 'done';
    }
  }

  /** A line that can't be read ends at its line break; in an array there is no telling where it ends. */
  #recover(): Mode {
    const { bytes } = this.#scanner;
    const lineBreak = this.#list || this.#format === 'rows' ? -1 : bytes.indexOf(0x0a, this.#lineStart);
    this.#scanner.at = lineBreak < 0 ? bytes.length : lineBreak + 1;
    return lineBreak < 0 ? 'done' : 'lines';
  }

  #startRows(): Mode {
    this.#line = openLine();
    this.#line.name = '';
    this.#line.form = 'snapshot';
    if (this.#scanner.peek() === OPEN_BRACE) {
      this.#row(this.#line.rows);
      return 'endOfRows';
    }
    return this.#startArray(this.#line.rows, 'endOfRows');
  }

  #startLine(): Mode {
    const scanner = this.#scanner;
    const byte = scanner.peek();
    if (byte < 0 && !this.#list) return 'done';
    this.#lineStart = scanner.at;
    if (byte === OPEN_BRACE) {
      scanner.at += 1;
      scanner.sawEscape = false;
      scanner.sawNonAscii = false;
      this.#line = openLine();
      return scanner.peek() === CLOSE_BRACE ? this.#endLine() : 'member';
    }
    if (this.#list && byte === QUOTE) {
      const start = scanner.at;
      scanner.string();
      const inner = new LogReader(
        encodeText(String(scalar(scanner, start, scanner.bytes.length))),
        'lines',
        this.#maxRowBytes,
      );
      inner.advance();
      for (const item of inner.items) this.#items.push(item);
      return this.#betweenLines();
    }
    if (!this.#list && byte === OPEN_BRACKET && this.#items.length === 0) {
      scanner.at += 1;
      this.#list = true;
      return scanner.peek() === CLOSE_BRACKET ? this.#endList() : 'lines';
    }
    return scanner.fail('expected a line of the result log');
  }

  #betweenLines(): Mode {
    if (!this.#list) return 'lines';
    if (this.#scanner.peek() === CLOSE_BRACKET) return this.#endList();
    this.#scanner.take(COMMA);
    return 'lines';
  }

  #endList(): Mode {
    this.#scanner.at += 1;
    return this.#end('the array');
  }

  #end(after: string): Mode {
    if (this.#scanner.peek() >= 0) this.#scanner.fail(`expected nothing after ${after}`);
    if (this.#format === 'rows') this.#finishLine();
    return 'done';
  }

  #member(): Mode {
    const scanner = this.#scanner;
    const line = this.#line;
    const key = this.#key();
    const start = scanner.at;
    switch (key) {
      case 'columns':
        line.form = 'event';
        line.rows = new RowSpans();
        this.#row(line.rows);
        break;
      case 'snapshot':
        line.form = 'snapshot';
        line.rows = new RowSpans();
        return this.#startArray(line.rows, 'member');
      case 'diffResults':
        line.form = 'batch';
        line.removed = new RowSpans();
        line.rows = new RowSpans();
        scanner.take(OPEN_BRACE);
        if (scanner.peek() !== CLOSE_BRACE) return 'diffMember';
        scanner.at += 1;
        break;
      default:
        scanner.value();
        readHead(line, key, scanner, start);
    }
    return this.#afterMember('member');
  }

  #diffMember(): Mode {
    const key = this.#key();
    const { removed, rows } = this.#line;
    const target = key === 'removed' ? removed : key === 'added' ? rows : undefined;
    if (target) return this.#startArray(target, 'diffMember');
    this.#scanner.value();
    return this.#afterMember('diffMember');
  }

  #key(): string {
    const scanner = this.#scanner;
    scanner.peek();
    const start = scanner.at;
    scanner.string();
    const key = String(scalar(scanner, start, MAX_HEAD_BYTES));
    scanner.take(COLON);
    scanner.peek();
    return key;
  }

  #startArray(target: RowSpans, after: Mode): Mode {
    this.#scanner.take(OPEN_BRACKET);
    this.#target = target;
    this.#afterArray = after;
    return this.#scanner.peek() === CLOSE_BRACKET ? this.#endArray() : 'array';
  }

  #arrayRows(until: number): Mode {
    const scanner = this.#scanner;
    do {
      this.#row(this.#target);
      if (scanner.peek() === CLOSE_BRACKET) return this.#endArray();
      scanner.take(COMMA);
    } while (scanner.at < until);
    return 'array';
  }

  #endArray(): Mode {
    this.#scanner.at += 1;
    return this.#afterArray === 'endOfRows' ? 'endOfRows' : this.#afterMember(this.#afterArray);
  }

  #row(target: RowSpans): void {
    const scanner = this.#scanner;
    scanner.peek();
    const start = scanner.at;
    if (scanner.flatObject()) this.#line.bare = true;
    target.push(start, scanner.at);
  }

  /** The comma or the closing brace after a member of an object. */
  #afterMember(mode: Mode): Mode {
    const scanner = this.#scanner;
    const byte = scanner.peek();
    if (byte === COMMA) {
      scanner.at += 1;
      return mode;
    }
    if (byte !== CLOSE_BRACE) scanner.fail('expected a comma or the end of the object');
    if (mode === 'member') return this.#endLine();
    scanner.at += 1;
    return this.#afterMember('member');
  }

  #endLine(): Mode {
    this.#scanner.at += 1;
    this.#finishLine();
    return this.#betweenLines();
  }

  #finishLine(): void {
    this.#items.push(finishLine(this.#line, this.#scanner, this.#maxRowBytes));
  }
}
