import { decodeText } from '../text/byte-text.ts';
import { BACKSLASH, JsonBytesError, type JsonScanner, QUOTE } from './json-bytes.ts';
import { type LogItem, type LogRow, logItem } from './log-item.ts';
import { RowSpans } from './row-spans.ts';

/** A scalar of a line's head that is longer isn't osquery's. */
export const MAX_HEAD_BYTES = 64 * 1024;

/** A line of a result log while it is scanned. */
export interface OpenLine {
  name: string | undefined;
  epoch: number;
  counter: number;
  unixTime: number;
  form: 'event' | 'batch' | 'snapshot' | undefined;
  action: LogRow['change'] | undefined;
  removed: RowSpans | undefined;
  rows: RowSpans;
  bare: boolean;
  /** Whether bytes may be written as osquery's escapes: lines that this process writes have none. */
  escaped: boolean;
}

export function openLine(): OpenLine {
  return {
    name: undefined,
    epoch: 0,
    counter: 0,
    unixTime: 0,
    form: undefined,
    action: undefined,
    removed: undefined,
    rows: new RowSpans(),
    bare: false,
    escaped: true,
  };
}

const CHANGES: ReadonlyMap<string, LogRow['change']> = new Map([
  ['added', 'ADDED'],
  ['removed', 'REMOVED'],
  ['snapshot', 'SNAPSHOT'],
]);

/** Takes a member of the line's head, whose value lies from `start` to where the scanner stands. @throws JsonBytesError */
export function readHead(line: OpenLine, key: string, scanner: JsonScanner, start: number): void {
  const value = () => scalar(scanner, start, MAX_HEAD_BYTES);
  switch (key) {
    case 'name':
      line.name = String(value());
      break;
    case 'epoch':
    case 'counter':
    case 'unixTime': {
      const number = Number(value());
      if (!Number.isFinite(number)) throw new JsonBytesError(`expected a number for ${key}`, start);
      line[key] = number;
      break;
    }
    case 'escaped':
      line.escaped = value() !== false;
      break;
    case 'action': {
      const change = CHANGES.get(String(value()));
      if (!change) throw new JsonBytesError('expected the action added, removed or snapshot', start);
      line.action = change;
    }
  }
}

/** The line, at whose end the scanner stands. @throws JsonBytesError for one that lacks what makes it one */
export function finishLine(line: OpenLine, scanner: JsonScanner, maxRowBytes: number): LogItem {
  const { bytes, at, sawEscape, sawNonAscii } = scanner;
  const { name, epoch, counter, unixTime, form, action, removed, rows, bare, escaped } = line;
  if (name === undefined || !form) throw new JsonBytesError('expected a line with a name and rows', at);
  const change = form === 'batch' ? 'ADDED' : form === 'snapshot' ? 'SNAPSHOT' : action;
  if (!change) throw new JsonBytesError('expected an action beside the row', at);
  return logItem({
    bytes,
    name,
    epoch,
    counter,
    unixTime,
    change,
    removed: form === 'batch' ? removed : undefined,
    rows,
    bare,
    escapes: sawEscape && escaped,
    nonAscii: sawNonAscii,
    maxRowBytes,
  });
}

/** The scalar from `start` to where the scanner stands. @throws JsonBytesError */
export function scalar(scanner: JsonScanner, start: number, maxBytes: number): unknown {
  if (scanner.at - start > maxBytes)
    throw new JsonBytesError(`expected no more than ${maxBytes} bytes`, start);
  const plain = plainText(scanner.bytes, start, scanner.at);
  if (plain !== undefined) return plain;
  try {
    return JSON.parse(decodeText(scanner.bytes.subarray(start, scanner.at)));
  } catch {
    throw new JsonBytesError('expected a JSON value', start);
  }
}

/** Up to this length a text is looked through byte by byte. */
const SHORT = 64;

/** A string without escapes and of ASCII alone, as most are: to decode and to parse it costs more than to look. */
function plainText(bytes: Buffer, start: number, end: number): string | undefined {
  if (end - start > SHORT || bytes[start] !== QUOTE) return undefined;
  for (let at = start + 1; at < end - 1; at += 1) {
    const byte = bytes[at] as number;
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return undefined;
  }
  return bytes.toString('latin1', start + 1, end - 1);
}
