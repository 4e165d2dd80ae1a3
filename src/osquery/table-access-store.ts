/**
 * Which tables and columns a statement really reads. SQLite itself says it, by the authorizer that it asks
 * while it prepares the statement, over empty tables of the names and columns that osquery's have; no matter
 * how the statement hides a table in joins, subqueries or names.
 */

import { constants, DatabaseSync } from 'node:sqlite';
import { reasonOf } from '../text/reason.ts';
import { OsqueryError } from './osquery-error.ts';
import { columnDefinitions, quoteIdentifier } from './sql-identifier.ts';
import type { DeclaredColumn } from './table-columns.ts';

/**
 * A table that is read, by its name in small letters, and of its columns those that are read, sorted; without
 * those that only join by USING or NATURAL, of which SQLite says nothing.
 */
export interface TableAccess {
  readonly table: string;
  readonly columns: readonly string[];
}

export interface StatementAccess {
  /** In the order of their names; functions that SQLite takes as tables (`json_each`) are tables here. */
  readonly tables: readonly TableAccess[];
  /** Names of the functions that are called, in small letters, sorted. */
  readonly functions: readonly string[];
  /** The columns of what the first statement gives; none for a text without a statement. */
  readonly result: readonly ResultColumn[];
}

/** A column of a result, and the column of a table that it is as it stands; null for an expression. */
export interface ResultColumn {
  readonly name: string;
  readonly origin: { readonly table: string; readonly column: string } | null;
}

export interface TableAccessReader {
  /**
   * What the statement, or each of several, reads. Throws {@link OsqueryError} `refused` with SQLite's text for
   * a statement that osquery could not prepare either, and for one that does anything but read.
   */
  read(sql: string): Promise<StatementAccess>;
  /** Forgets what osquery's tables look like: it may have others after a restart. */
  forget(): void;
}

export type TableLookup = (table: string) => Promise<readonly DeclaredColumn[] | undefined>;

const { SQLITE_OK, SQLITE_DENY, SQLITE_READ, SQLITE_SELECT, SQLITE_FUNCTION, SQLITE_RECURSIVE } = constants;

const SQLITE_OPTIONS = {
  // As in osquery's SQLite, where "x" is a text if no column is called so.
  enableDoubleQuotedStringLiterals: true,
  // Statements of a Bro are far shorter; what is longer would take long to prepare.
  limits: { sqlLength: 1_000_000, attach: 0 },
};

/** `lookUp` is asked once for each table that a statement names. */
export function createTableAccessReader(lookUp: TableLookup): TableAccessReader {
  const known = new Map<string, Promise<readonly DeclaredColumn[] | undefined>>();

  function columnsOf(table: string): Promise<readonly DeclaredColumn[] | undefined> {
    const columns = known.get(table) ?? lookUp(table);
    known.set(table, columns);
    // A question that failed is put again the next time.
    columns.catch(() => known.delete(table));
    return columns;
  }

  return {
    async read(sql) {
      const access: Access = { columns: new Map(), functions: new Set(), result: undefined };
      // A database for each: a table that a statement can't do without shows by being missed. The authorizer
      // alone is not enough, for it isn't asked about the right side of a join by USING or NATURAL.
      using database = new DatabaseSync(':memory:', SQLITE_OPTIONS);
      for (let rest = sql; !isBlank(database, rest); ) {
        rest = rest.slice(await prepareSome(database, rest, access, columnsOf));
      }
      return summary(access);
    },
    forget() {
      known.clear();
    },
  };
}

/** Prepares the first statement of the text, making what it misses; gives the length of its text. */
async function prepareSome(
  database: DatabaseSync,
  sql: string,
  access: Access,
  columnsOf: TableLookup,
): Promise<number> {
  const made = new Set<string>();
  for (;;) {
    try {
      return prepare(database, sql, access);
    } catch (error) {
      const message = reasonOf(error);
      // What was made and is missed all the same would be made for ever.
      if (made.has(message) || !(await make(database, message, access, columnsOf))) throw refusal(error);
      made.add(message);
    }
  }
}

/** Makes what SQLite missed, if osquery has it. */
async function make(
  database: DatabaseSync,
  message: string,
  access: Access,
  columnsOf: TableLookup,
): Promise<boolean> {
  const fn = /^no such function: (.+)$/.exec(message)?.[1];
  if (fn !== undefined) {
    // osquery has functions of its own; whether it has this one is its own answer to give.
    database.function(fn, { varargs: true }, () => null);
    return true;
  }
  // osquery's tables are in the schema temp, its own views in main.
  const [, schema = 'temp', name = ''] = /^no such table: (?:(main|temp)\.)?(.+)$/i.exec(message) ?? [];
  const table = name.toLowerCase();
  const columns = table === '' ? undefined : await columnsOf(table);
  if (!columns || columns.length === 0) return false;
  database.exec(`CREATE TABLE ${schema}.${quoteIdentifier(table)} (${columnDefinitions(columns)})`);
  readsOf(access, table);
  return true;
}

interface Access {
  readonly columns: Map<string, Set<string>>;
  readonly functions: Set<string>;
  /** Of the first statement, once that is prepared. */
  result: readonly ResultColumn[] | undefined;
}

function readsOf(access: Access, table: string): Set<string> {
  const columns = access.columns.get(table) ?? new Set();
  access.columns.set(table, columns);
  return columns;
}

/** Prepares the first statement of the text, never runs it; gives the length of its text. */
function prepare(database: DatabaseSync, sql: string, access: Access): number {
  database.setAuthorizer((action, first, second) => {
    if (action === SQLITE_READ) {
      const columns = readsOf(access, (first ?? '').toLowerCase());
      // Without a column: the rows are read but nothing of them, as by count(*).
      if (second) columns.add(second.toLowerCase());
      return SQLITE_OK;
    }
    if (action === SQLITE_FUNCTION) access.functions.add((second ?? '').toLowerCase());
    const reading = action === SQLITE_SELECT || action === SQLITE_FUNCTION || action === SQLITE_RECURSIVE;
    return reading ? SQLITE_OK : SQLITE_DENY;
  });
  try {
    const statement = database.prepare(sql);
    access.result ??= statement.columns().map(({ name, table, column }) => ({
      name,
      origin:
        table === null || column === null
          ? null
          : { table: table.toLowerCase(), column: column.toLowerCase() },
    }));
    return statement.sourceSQL.length;
  } finally {
    database.setAuthorizer(null);
  }
}

/** Whether there is no statement in the text: nothing, comments, semicolons. */
function isBlank(database: DatabaseSync, sql: string): boolean {
  if (sql.trim() === '') return true;
  try {
    database.prepare(sql);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_ARG_VALUE';
  }
}

function summary({ columns, functions, result = [] }: Access): StatementAccess {
  return {
    tables: [...columns]
      .map(([table, read]) => ({ table, columns: [...read].sort() }))
      .sort((one, other) => (one.table < other.table ? -1 : 1)),
    functions: [...functions].sort(),
    result,
  };
}

function refusal(error: unknown): OsqueryError {
  const message = reasonOf(error);
  return new OsqueryError('refused', message, 1, error);
}
