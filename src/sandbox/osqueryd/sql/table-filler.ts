import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { encodeText } from '../../../text/byte-text.ts';
import type { ColumnType, Table, TableColumn, TableRow } from './table.ts';

/** Fills the empty tables that stand for osquery's virtual ones. */
export class TableFiller {
  readonly #inserts = new WeakMap<DatabaseSync, Map<string, StatementSync>>();

  fill(db: DatabaseSync, table: Table, wide: boolean, rows: Iterable<TableRow>): void {
    const columns = wide ? table.columns : table.columns.filter((column) => !column.hidden);
    const insert = this.#insert(db, table, columns);
    for (const row of rows) insert.run(...columns.map((column) => toSqlite(column, row)));
  }

  forget(db: DatabaseSync, table: string): void {
    this.#inserts.get(db)?.delete(table);
  }

  #insert(db: DatabaseSync, table: Table, columns: readonly TableColumn[]): StatementSync {
    const inserts = this.#inserts.get(db) ?? new Map<string, StatementSync>();
    this.#inserts.set(db, inserts);
    const known = inserts.get(table.name);
    if (known) return known;
    const places = columns.map(({ type }) => (type === 'TEXT' ? 'CAST(? AS TEXT)' : '?')).join(', ');
    const statement = db.prepare(`INSERT INTO ${quote(table.name)} VALUES (${places})`);
    inserts.set(table.name, statement);
    return statement;
  }
}

/** The table as SQLite is told of it: its columns with osquery's own type names. */
export function createStatement(table: Table, wide: boolean): string {
  const columns = wide ? table.columns : table.columns.filter((column) => !column.hidden);
  const list = columns.map((column) => {
    if (!/^[\w ]*$/.test(column.type)) throw new SyntaxError(`type ${column.type}`);
    const collation = column.nocase ? ' COLLATE NOCASE' : '';
    return `${quote(column.name)} ${column.type === 'UNKNOWN' ? '' : column.type}${collation}`;
  });
  return `CREATE TABLE ${quote(table.name)} (${list.join(', ')})`;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function toSqlite(column: TableColumn, row: TableRow): string | number | bigint | Uint8Array | null {
  const value = row[column.alias ?? column.name];
  if (isNumeric(column.type))
    return value === null || value === undefined ? null : toNumber(column.type, value);
  // Text that a table doesn't give is empty text, as in osquery, and not NULL.
  const text = String(value ?? '');
  // Bytes that are no UTF-8 are bound as they are; the statement makes them text.
  return text.isWellFormed() ? text : encodeText(text);
}

function isNumeric(type: ColumnType): boolean {
  return type === 'INTEGER' || type === 'BIGINT' || type === 'UNSIGNED BIGINT' || type === 'DOUBLE';
}

/** A number column takes a number or nothing: text that is none becomes NULL (osquery.md 10). */
function toNumber(type: ColumnType, value: string | number | bigint): number | bigint | null {
  if (type === 'DOUBLE') {
    const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
    return Number.isNaN(number) ? null : number;
  }
  if (typeof value === 'bigint') return BigInt.asIntN(64, value);
  if (typeof value === 'number')
    return Number.isFinite(value) ? BigInt.asIntN(64, BigInt(Math.trunc(value))) : null;
  return /^[+-]?\d+$/.test(value.trim()) ? BigInt.asIntN(64, BigInt(value.trim().replace(/^\+/, ''))) : null;
}
