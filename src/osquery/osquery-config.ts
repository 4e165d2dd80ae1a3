/** osquery's configuration as text: JSON in which lines may be comments. */

import { type JsonSyntaxProblem, jsonSyntaxProblem } from '../text/json-syntax.ts';
import { strictJsonProblem, trimAscii, upToNul } from '../text/strict-json.ts';

export type ConfigTextErrorCode = 'too_large' | 'too_deep' | 'not_json' | 'not_object';

/** A text that osquery would refuse as its configuration, and with it drop what the text's source had before. */
export class ConfigTextError extends Error {
  override readonly name = 'ConfigTextError';
  readonly code: ConfigTextErrorCode;

  constructor(code: ConfigTextErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** osquery's limit up to 5.23 in bytes, after the comments are gone. */
const MAX_BYTES = 1024 * 1024;
const BYTE_ORDER_MARK = '\ufeff';
/** osquery's limit of objects and lists in each other. */
const MAX_DEPTH = 32;

/**
 * What osquery parses of the text: a line that begins with `#` or `//`, spaces aside, goes; a line that ends in
 * a backslash goes on in the next. Comments within or behind a line are none.
 */
export function stripComments(text: string): string {
  return parsedLines(text)
    .map(({ pieces }) => trimAscii(pieces.join('')))
    .join('\n');
}

/** A line as osquery parses it: the lines of the text it is made of, and the number of the first. */
interface ParsedLine {
  readonly pieces: readonly string[];
  readonly number: number;
}

function parsedLines(text: string): readonly ParsedLine[] {
  const lines = text.split('\n');
  const parsed: ParsedLine[] = [];
  for (let at = 0; at < lines.length; ) {
    const number = at + 1;
    const pieces: string[] = [];
    for (; lines[at]?.endsWith('\\') && at < lines.length - 1; at += 1) {
      pieces.push(lines[at]?.slice(0, -1) ?? '');
    }
    pieces.push(lines[at] ?? '');
    at += 1;
    const start = trimAscii(pieces.join(''));
    if (!start.startsWith('#') && !start.startsWith('//')) parsed.push({ pieces, number });
  }
  return parsed;
}

/** Where in the text an offset in what {@link stripComments} leaves of it is; counted from 1. */
function placeIn(text: string, offset: number): string {
  let left = offset;
  let last = { line: 1, column: 1 };
  for (const { pieces, number } of parsedLines(text)) {
    const joined = pieces.join('');
    const trimmed = trimAscii(joined);
    const length = trimmed.length;
    const indent = length === 0 ? 0 : joined.indexOf(trimmed);
    let column = indent + Math.min(left, length);
    let line = number;
    for (const piece of pieces.slice(0, -1)) {
      if (column < piece.length) break;
      column -= piece.length;
      line += 1;
    }
    last = { line, column: column + 1 };
    if (left <= length) break;
    left -= length + 1;
  }
  return `line ${last.line}, column ${last.column}`;
}

/** The members of the configuration. Throws {@link ConfigTextError} where osquery would refuse the text. */
export function parseConfigText(text: string): ReadonlyMap<string, unknown> {
  const json = upToNul(stripComments(text));
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_BYTES) {
    throw new ConfigTextError(
      'too_large',
      `the configuration has ${bytes} bytes without its comments, osquery accepts ${MAX_BYTES}`,
    );
  }
  const root = parse(json, text);
  if (typeof root !== 'object' || root === null || Array.isArray(root)) {
    throw new ConfigTextError('not_object', 'the configuration is not a JSON object');
  }
  if (deeper(root, MAX_DEPTH)) {
    throw new ConfigTextError(
      'too_deep',
      `the configuration has more than ${MAX_DEPTH} levels of objects and lists, which osquery refuses`,
    );
  }
  return new Map(Object.entries(root));
}

function parse(json: string, text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(json);
    const problem = strictJsonProblem(json);
    if (!problem) return parsed;
    throw new ConfigTextError(
      'not_json',
      `the configuration is not valid JSON for osquery: ${inPlace(problem, json, text)}`,
    );
  } catch (error) {
    if (error instanceof ConfigTextError) throw error;
    throw new ConfigTextError(
      'not_json',
      `the configuration is not valid JSON: ${mistake(json, text) ?? error}`,
    );
  }
}

function mistake(json: string, text: string): string | undefined {
  const problem = jsonSyntaxProblem(json);
  return problem ? inPlace(problem, json, text) : undefined;
}

function inPlace({ offset, expected, found }: JsonSyntaxProblem, json: string, text: string): string {
  const got = json.startsWith(BYTE_ORDER_MARK, offset) ? 'a byte-order mark' : found;
  return `${placeIn(text, offset)}: expected ${expected}, got ${got}${advice(json, offset)}`;
}

/** For what other readers of JSON allow. */
function advice(json: string, offset: number): string {
  const rest = json.slice(offset, offset + 2);
  if (rest.startsWith(BYTE_ORDER_MARK)) return '; it is invisible: save the file as UTF-8 without it';
  if (rest === '//' || rest === '/*' || rest.startsWith('#')) {
    return '; a comment begins with # or // and has its line to itself';
  }
  if (/^[\]}]/.test(rest) && json.slice(0, offset).trimEnd().endsWith(',')) {
    return '; the last one has no comma behind it';
  }
  return '';
}

function deeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member) => deeper(member, levels - 1));
}
