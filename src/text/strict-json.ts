import type { JsonSyntaxProblem } from './json-syntax.ts';
import { shortened } from './shortened.ts';

/**
 * What osquery's reader of JSON (RapidJSON) refuses of what `JSON.parse` accepts, and the little that it does not look
 * at; each tried with `osqueryd --config_check` of 5.23.1.
 */

/** Blanks around a line as osquery takes them off: ASCII's alone, no byte-order mark or no-break space. */
export function trimAscii(text: string): string {
  return text.replace(/^[ \t\v\f\r\n]+|[ \t\v\f\r\n]+$/g, '');
}

/** The text ends for it at the first NUL. */
export function upToNul(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/gs;
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|.)/gs;
const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** The largest power of ten that a double holds. */
const MAX_EXPONENT = 308;

/** The first thing in a text that `JSON.parse` has accepted and osquery refuses; null where there is none. */
export function strictJsonProblem(json: string): JsonSyntaxProblem | null {
  for (const { 0: token, index } of json.matchAll(TOKEN)) {
    const problem = token.startsWith('"') ? halfPair(token) : tooLarge(token);
    if (problem) return { ...problem, offset: index + problem.offset };
  }
  return null;
}

/** The first half of a character outside the basic plane, without the second. */
function halfPair(token: string): JsonSyntaxProblem | null {
  for (const { 0: whole, 1: code, index } of token.matchAll(ESCAPE)) {
    if (code === undefined || !/^[dD][89abAB]/.test(code)) continue;
    const next = token.slice(index + whole.length, index + whole.length + 6);
    if (/^\\u[dD][c-fC-F][0-9a-fA-F]{2}$/.test(next)) continue;
    return { offset: index, expected: 'a whole character', found: `half of one, ${whole}` };
  }
  return null;
}

function tooLarge(token: string): JsonSyntaxProblem | null {
  const [, , fraction = '', exponent] = NUMBER.exec(token) ?? [];
  const isTooLarge =
    exponent === undefined
      ? !Number.isFinite(Number(token))
      : Number(exponent) > MAX_EXPONENT + fraction.length;
  if (!isTooLarge) return null;
  return { offset: 0, expected: 'a number that a double holds', found: shortened(token, 40) };
}
