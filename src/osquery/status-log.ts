/** Status logs: what osquery says about itself, as its `logger` plugins get it. */
import { textOfBytes } from './byte-string.ts';
import { members, parseJson } from './loose-json.ts';
import { OsqueryError } from './osquery-error.ts';

export type StatusSeverity = 'info' | 'warning' | 'error';

export interface StatusLine {
  readonly severity: StatusSeverity;
  /** Source file of osquery and line in it. */
  readonly file: string;
  readonly line: number;
  readonly message: string;
  /** osquery's host identifier; empty where an old osquery gives none. */
  readonly host: string;
  /** Unix seconds; 0 where an old osquery gives none. */
  readonly time: number;
}

/**
 * The lines of a status log in their order. Today's osquery sends a JSON array of objects; older ones sent one
 * object whose members all have the name "". Throws {@link OsqueryError} `protocol` for anything else.
 */
export function parseStatusLog(log: string): StatusLine[] {
  const text = textOfBytes(log).trim();
  if (text === '') return [];
  const what = "osquery's status log";
  if (text.startsWith('{')) return memberValues(text).map((value) => statusLine(parseJson(value, what)));
  const lines = parseJson(text, what);
  if (!Array.isArray(lines)) throw new OsqueryError('protocol', `${what} is neither list nor object`);
  return lines.map(statusLine);
}

function statusLine(value: unknown): StatusLine {
  const fields = members(value);
  const text = (key: string) => String(fields.get(key) ?? '');
  const number = (key: string) => Number(fields.get(key) ?? 0) || 0;
  return {
    severity: severity(number('s')),
    file: text('f'),
    line: number('i'),
    message: text('m'),
    host: text('h'),
    time: number('u'),
  };
}

/** glog's severities; 3 is fatal. */
function severity(code: number): StatusSeverity {
  if (code <= 0) return 'info';
  return code === 1 ? 'warning' : 'error';
}

/** The texts of an object's member values, those of a repeated name too, which JSON.parse would drop. */
function memberValues(object: string): string[] {
  const values: string[] = [];
  let depth = 0;
  let inString = false;
  let start = -1;
  for (let at = 0; at < object.length; at += 1) {
    const char = object[at];
    if (inString) {
      if (char === '\\') at += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') {
      inString = true;
    } else if (char === '{' || char === '[') {
      depth += 1;
    } else if (char === ':' && depth === 1) {
      start = at + 1;
    } else if (char === '}' || char === ']' || char === ',') {
      if (start >= 0 && depth === 1) {
        values.push(object.slice(start, at));
        start = -1;
      }
      if (char !== ',') depth -= 1;
    }
  }
  if (depth !== 0 || inString) {
    throw new OsqueryError('protocol', "osquery's status log is truncated");
  }
  return values;
}
