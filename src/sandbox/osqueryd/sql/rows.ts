import type { DatabaseSync } from 'node:sqlite';
import { decodeText } from '../../../text/byte-text.ts';
import type { Cell, TypedRow } from './cell.ts';

/** What node:sqlite puts where text has bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd';

/**
 * Runs the statement and gives its rows. node:sqlite reads text as UTF-8 and loses other bytes, so a result
 * in which some may be lost is read once more as bytes.
 */
export function readRows(db: DatabaseSync, sql: string): TypedRow[] {
  const { names, rows } = readValues(db, sql);
  const lossy = rows.some((row) =>
    row.some((value) => typeof value === 'string' && value.includes(REPLACEMENT)),
  );
  const values = lossy ? withBytes(db, sql, names, rows) : rows;
  // Of columns with one name the last counts.
  const last = new Map(names.map((name, at) => [name, at]));
  const order = [...last].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return names.length === 0
    ? []
    : values.map((row) => order.map(([name, at]) => [name, toCell(row[at])] as const));
}

function readValues(db: DatabaseSync, sql: string): { names: string[]; rows: (readonly unknown[])[] } {
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  const names = statement.columns().map((column) => column.name);
  return { names, rows: [...(statement.iterate() as unknown as Iterable<readonly unknown[]>)] };
}

/** The rows with text taken from its bytes; those that were read where the statement can't be wrapped. */
function withBytes(
  db: DatabaseSync,
  sql: string,
  names: readonly string[],
  rows: (readonly unknown[])[],
): (readonly unknown[])[] {
  const places = names.map((_, at) => `c${at}`);
  const query = sql.trim().replace(/;$/, '');
  const wrapped = `WITH q (${places.join(', ')}) AS (${query}\n) SELECT ${places
    .map((place) => `CASE typeof(${place}) WHEN 'text' THEN CAST(${place} AS BLOB) ELSE ${place} END`)
    .join(', ')} FROM q`;
  try {
    const read = readValues(db, wrapped).rows;
    return read.length === rows.length ? read : rows;
  } catch {
    return rows;
  }
}

function toCell(value: unknown): Cell {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  if (typeof value === 'string') return upToNul(value);
  if (value instanceof Uint8Array) return upToNul(decodeText(value));
  return '';
}

function upToNul(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
