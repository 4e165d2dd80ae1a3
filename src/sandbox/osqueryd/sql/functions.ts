import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';

type Value = string | number | bigint | null | Uint8Array;

/** The functions that osquery adds to SQLite's own and that queries of this project's users use. */
export function registerFunctions(db: DatabaseSync): void {
  const options = { deterministic: true };
  for (const algorithm of ['md5', 'sha1', 'sha256'] as const) {
    db.function(algorithm, options, (value: Value) =>
      value === null ? null : createHash(algorithm).update(bytes(value)).digest('hex'),
    );
  }
  db.function('split', options, (value: Value, delimiters: Value, index: Value) =>
    value === null ? null : pick(splitAny(text(value), text(delimiters)), index),
  );
  db.function('regex_split', options, (value: Value, pattern: Value, index: Value) =>
    value === null ? null : pick(text(value).split(new RegExp(text(pattern))), index),
  );
  db.function('regex_match', options, (value: Value, pattern: Value, group: Value) =>
    value === null ? null : (new RegExp(text(pattern)).exec(text(value))?.[Number(group)] ?? null),
  );
  db.function('to_base64', options, (value: Value) =>
    value === null ? null : Buffer.from(bytes(value)).toString('base64'),
  );
  db.function('from_base64', options, (value: Value) =>
    value === null ? null : Buffer.from(text(value), 'base64').toString('utf8'),
  );
  db.function('inet_aton', options, (value: Value) => (value === null ? null : ipv4Number(text(value))));
}

function text(value: Value): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value ?? '');
}

function bytes(value: Value): Uint8Array {
  return value instanceof Uint8Array ? value : Buffer.from(text(value));
}

function pick(parts: readonly string[], index: Value): string | null {
  return parts[Number(index)] ?? null;
}

/** Splits at any of the delimiter characters and drops empty parts. */
function splitAny(value: string, delimiters: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (const char of value) {
    if (!delimiters.includes(char)) {
      part += char;
      continue;
    }
    if (part !== '') parts.push(part);
    part = '';
  }
  if (part !== '') parts.push(part);
  return parts;
}

function ipv4Number(address: string): bigint | null {
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255))
    return null;
  return BigInt(parts.reduce((sum, part) => sum * 256 + part, 0));
}
