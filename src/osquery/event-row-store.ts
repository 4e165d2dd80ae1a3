/**
 * Answers subscriptions to event tables at the moment of the event: the row that osquery forwards is put into
 * a table of the event table's columns, and each subscription's own SQL is run over that single row.
 */

import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { encodeText } from '../text/byte-text.ts';
import { reasonOf } from '../text/reason.ts';
import { cellText } from './cell-text.ts';
import { eventQueryForm } from './event-query.ts';
import { type EventTable, tablesOfRow } from './event-tables.ts';
import type { Row } from './row.ts';
import { columnDefinitions, quoteIdentifier } from './sql-identifier.ts';
import type { DeclaredColumn } from './table-columns.ts';

/** Whether a subscription is answered at the moment of an event, and if not, why not. */
export type EventSubscription =
  | { readonly immediate: true; readonly table: string }
  | { readonly immediate: false; readonly reason: string };

/** What a subscription's SQL makes of an event; one that it doesn't match has no entry. */
export interface EventMatch {
  readonly subscription: string;
  readonly rows: readonly Row[];
}

export interface EventRowMatcher {
  /** Tries the SQL; an id that is known already gets the new SQL. Never throws. */
  subscribe(subscription: string, sql: string): EventSubscription;
  unsubscribe(subscription: string): void;
  /**
   * Runs all subscriptions of the row's table over it. A row that can be of more than one table matches nothing:
   * the schedule will bring it under its name.
   */
  match(row: Row): readonly EventMatch[];
  close(): void;
}

interface Table {
  readonly definition: EventTable;
  readonly insert: StatementSync;
  readonly clear: StatementSync;
  readonly queries: Map<string, Query>;
}

interface Query {
  readonly statement: StatementSync;
  /** In the statement's order. */
  readonly names: readonly string[];
}

type Cell = string | number | bigint | Uint8Array | null;

/** A cell of such a length is no event; expressions must not make larger ones either. */
const MAX_CELL = 16 * 1024 * 1024;

/**
 * `tables` are those whose events osquery collects (event-tables.ts). One that SQLite can't have here, as with two columns
 * whose names differ by case alone, is answered by the schedule.
 */
export function createEventRowMatcher(tables: readonly EventTable[]): EventRowMatcher {
  const database = new DatabaseSync(':memory:', {
    // As in osquery's SQLite, where "x" is a text if no column is called so.
    enableDoubleQuotedStringLiterals: true,
    limits: { length: MAX_CELL, attach: 0 },
  });
  const known = new Map<string, Table>();
  for (const definition of tables) {
    const table = openTable(database, definition);
    if (table) known.set(definition.name, table);
  }

  function drop(subscription: string): void {
    for (const table of known.values()) table.queries.delete(subscription);
  }

  return {
    subscribe(subscription, sql) {
      drop(subscription);
      const form = eventQueryForm(sql);
      if ('reason' in form) return { immediate: false, reason: form.reason };
      const table = known.get(form.table);
      if (!table) return { immediate: false, reason: `${form.table} is not an event table of this osquery` };
      const query = prepareQuery(database, sql);
      if ('reason' in query) return { immediate: false, reason: query.reason };
      table.queries.set(subscription, query);
      return { immediate: true, table: form.table };
    },
    unsubscribe: drop,
    match(row) {
      const [one, ...others] = tablesOfRow(row, tables);
      const table = one && others.length === 0 ? known.get(one.name) : undefined;
      const cells = table && table.queries.size > 0 ? rowCells(row, table.definition.columns) : undefined;
      return table && cells ? matches(table, cells) : [];
    },
    close() {
      database.close();
    },
  };
}

function openTable(database: DatabaseSync, definition: EventTable): Table | undefined {
  const name = `temp.${quoteIdentifier(definition.name)}`;
  try {
    database.exec(`CREATE TABLE ${name} (${columnDefinitions(definition.columns)})`);
  } catch {
    return undefined;
  }
  const values = definition.columns.map(() => '?').join(', ');
  return {
    definition,
    insert: database.prepare(`INSERT INTO ${name} VALUES (${values})`),
    clear: database.prepare(`DELETE FROM ${name}`),
    queries: new Map(),
  };
}

function prepareQuery(database: DatabaseSync, sql: string): Query | { readonly reason: string } {
  try {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    // No table has a row now: what gives one all the same is an aggregate.
    if (statement.all().length > 0) return { reason: 'it is an aggregate' };
    return { statement, names: statement.columns().map(({ name }) => name) };
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

function matches(table: Table, cells: readonly Cell[]): EventMatch[] {
  try {
    table.insert.run(...cells);
  } catch {
    // Cells that are too long together, each being short enough: it is left to the schedule.
    return [];
  }
  try {
    return [...table.queries].flatMap(([subscription, query]) => {
      const rows = run(query);
      return rows.length === 0 ? [] : [{ subscription, rows }];
    });
  } finally {
    table.clear.run();
  }
}

/** An expression that fails for this row (an overflow, a value too long) is left to the schedule, as osquery is. */
function run({ statement, names }: Query): Row[] {
  try {
    return statement
      .all()
      .map((found) =>
        Object.fromEntries(names.map((name) => [name, unshield(cellText(found[name] ?? null))])),
      );
  } catch {
    return [];
  }
}

/** The row's cells in the table's order; undefined where one could not come back as it is. */
function rowCells(row: Row, columns: readonly DeclaredColumn[]): Cell[] | undefined {
  const values = new Map(Object.entries(row).map(([name, value]) => [name.toLowerCase(), value]));
  if ([...values.values()].some((value) => value.length > MAX_CELL || SHIELD.test(value))) return undefined;
  return columns.map(({ name, type }) => cell(values.get(name.toLowerCase()), type));
}

/** As osquery gives it to SQLite: what is missing, or no number in a numeric column, is NULL. */
function cell(value: string | undefined, type: DeclaredColumn['type']): Cell {
  if (value === undefined) return null;
  switch (type) {
    case 'INTEGER':
    case 'BIGINT':
    case 'UNSIGNED BIGINT':
      return /^\s*[+-]?\d+\s*$/.test(value) ? BigInt.asIntN(64, BigInt(value.trim().replace('+', ''))) : null;
    case 'DOUBLE': {
      const number = value.trim() === '' ? Number.NaN : Number(value);
      return Number.isNaN(number) ? null : number;
    }
    case 'BLOB':
      return encodeText(value);
    case 'TEXT':
    case 'UNKNOWN':
      return shield(value);
  }
}

/**
 * SQLite's text passes here as well-formed UTF-16 alone. Escaped bytes go through it as characters of a private
 * plane; a row that has such characters itself is not taken.
 */
const SHIELD = /[\u{10fc80}-\u{10fcff}]/u;
const SHIELD_OFFSET = 0x10fc80 - 0xdc80;

function shield(text: string): string {
  if (text.isWellFormed()) return text;
  return text.replace(/[\udc80-\udcff]/gu, (lone) =>
    String.fromCodePoint((lone.codePointAt(0) ?? 0) + SHIELD_OFFSET),
  );
}

function unshield(text: string): string {
  if (!SHIELD.test(text)) return text;
  return text.replace(/[\u{10fc80}-\u{10fcff}]/gu, (char) =>
    String.fromCharCode((char.codePointAt(0) ?? 0) - SHIELD_OFFSET),
  );
}
