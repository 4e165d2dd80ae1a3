import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { reasonOf } from '../../../text/reason.ts';
import { isName, isSign, isWord, sqlTokens } from '../../../text/sql-tokens.ts';
import { StatementInspector } from './authorizer.ts';
import type { TypedRow } from './cell.ts';
import { declaredType, expressionTypes } from './column-types.ts';
import { comparedTexts, constraintsOf } from './constraints.ts';
import { registerFunctions } from './functions.ts';
import { explain, textConstants } from './program.ts';
import { readRows } from './rows.ts';
import type { ColumnType, Table, TableRow } from './table.ts';
import { createStatement, TableFiller } from './table-filler.ts';

/** An error of SQL; `message` is SQLite's text, as osquery's API answers it. */
export class SqlError extends Error {
  override readonly name = 'SqlError';
}

export interface QueryOutcome {
  readonly rows: readonly TypedRow[];
  /** Whether the statement read an event table. */
  readonly eventBased: boolean;
  readonly tables: readonly string[];
}

export interface ResultColumn {
  readonly name: string;
  readonly type: ColumnType;
}

interface Prepared {
  readonly db: DatabaseSync;
  readonly sql: string;
  readonly reads: ReadonlyMap<string, ReadonlySet<string>>;
  readonly rest: string;
}

/** How a query is run: what needs the schedule lock goes through `locked`, what the caller is called. */
export interface QueryOptions {
  readonly locked?: <T>(work: () => Promise<T>) => Promise<T>;
  /** Wraps a table before it is read (an event table has a place for each scheduled query). */
  readonly table?: (table: Table) => Table;
}

type Authorize = (action: number, first: string | null, second: string | null) => number;

const NOTHING = 'The SQL query contains no statements.';

/**
 * SQL over tables that are made when a statement reads them. `node:sqlite` has no virtual tables, so each of
 * ours is an ordinary table of an in-memory database that is empty at rest: SQLite compiles the statement
 * and says by its authorizer which tables and columns it reads; these tables are filled, the statement runs,
 * and they are emptied. What the rows of a result are, SQLite alone decides.
 */
export class SqlEngine {
  readonly #tables = new Map<string, Table>();
  readonly #gone = new Set<string>();
  readonly #plain = openDatabase();
  /** The same tables with their hidden columns, for statements that name one. */
  readonly #wide = openDatabase();
  readonly #filler = new TableFiller();

  /** @throws SqlError when SQLite refuses the table's name or a column's type */
  attach(table: Table): void {
    this.#drop(table.name);
    try {
      this.#plain.exec(createStatement(table, false));
      this.#wide.exec(createStatement(table, true));
    } catch {
      this.#drop(table.name);
      throw new SqlError('SQLITE_ERROR');
    }
    this.#tables.set(table.name.toLowerCase(), table);
    this.#gone.delete(table.name.toLowerCase());
  }

  /** The table stays known to SQLite, but can't be read any more, as a virtual table without its module. */
  detach(name: string): void {
    this.#gone.add(name.toLowerCase());
  }

  table(name: string): Table | undefined {
    return this.#gone.has(name.toLowerCase()) ? undefined : this.#tables.get(name.toLowerCase());
  }

  close(): void {
    this.#plain.close();
    this.#wide.close();
  }

  /** Rows of all statements in the text, one after another. @throws SqlError */
  async query(sql: string, options: QueryOptions = {}): Promise<QueryOutcome> {
    const rows: TypedRow[] = [];
    const tables = new Set<string>();
    let rest = sql;
    for (;;) {
      const prepared = this.#prepare(rest);
      if (!prepared) break;
      for (const name of prepared.reads.keys()) if (this.#tables.has(name)) tables.add(name);
      const run = () => this.#run(prepared, options);
      const needsLock = [...prepared.reads.keys()].some((name) => this.#tables.get(name)?.needsScheduleLock);
      rows.push(...(needsLock && options.locked ? await options.locked(run) : await run()));
      rest = prepared.rest;
    }
    const eventBased = [...tables].some((name) => this.#tables.get(name)?.eventBased);
    return { rows, eventBased, tables: [...tables] };
  }

  /** Names and types of the statement's result, without running it. @throws SqlError */
  columns(sql: string): readonly ResultColumn[] {
    const prepared = this.#prepare(sql);
    if (!prepared) throw new SqlError('not an error');
    // osquery looks the columns up by name in a program of both statements and fails to find them.
    if (this.#prepare(prepared.rest)) throw new SqlError('map::at');
    const columns = prepared.db.prepare(prepared.sql).columns();
    if (columns.length === 0) return [];
    const types = expressionTypes(explain(prepared.db, prepared.sql));
    return columns.map((column, at) => ({
      name: column.name,
      type: declaredType(column.type) ?? types.get(at) ?? 'UNKNOWN',
    }));
  }

  /** Tables that the statement reads. @throws SqlError */
  tablesOf(sql: string): readonly string[] {
    return [...(this.#prepare(sql)?.reads.keys() ?? [])];
  }

  #prepare(text: string): Prepared | undefined {
    const sql = text.replace(/^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))+/, '');
    if (sql === '') return undefined;
    return this.#compileEither(this.#inMain(sql));
  }

  /**
   * osquery's tables are in the schema `temp`, and by their modules in `main` too; ours are in `main` alone. The two words
   * have the same length, so that places in the text stay what they are.
   */
  #inMain(sql: string): string {
    const tokens = sqlTokens(sql) ?? [];
    let text = sql;
    for (const [at, token] of tokens.entries()) {
      const name = tokens[at + 2];
      if (!isWord(token, 'temp') || !isSign(tokens[at + 1], '.') || !isName(name)) continue;
      if (!this.#tables.has(name?.text.toLowerCase() ?? '')) continue;
      text = `${text.slice(0, token.start)}main${text.slice(token.end)}`;
    }
    return text;
  }

  /** A statement may name columns that `SELECT *` doesn't show. */
  #compileEither(sql: string): Prepared | undefined {
    try {
      return this.#compile(this.#plain, sql);
    } catch (error) {
      if (!(error instanceof SqlError) || !/^no such column: /.test(error.message)) throw error;
      try {
        return this.#compile(this.#wide, sql);
      } catch {
        throw error;
      }
    }
  }

  #newInspector(): StatementInspector {
    return new StatementInspector((name) => this.#tables.has(name.toLowerCase()));
  }

  #inspector(): Authorize {
    const inspector = this.#newInspector();
    return (action, first, second) => inspector.authorize(action, first, second);
  }

  #compile(db: DatabaseSync, sql: string): Prepared | undefined {
    const inspector = this.#newInspector();
    db.setAuthorizer((action, first, second) => inspector.authorize(action, first, second));
    let statement: StatementSync;
    try {
      statement = db.prepare(sql);
    } catch (error) {
      const message = reasonOf(error);
      if (message === NOTHING) return undefined;
      throw new SqlError(inspector.modified ? `table ${inspector.modified} may not be modified` : message);
    } finally {
      db.setAuthorizer(null);
    }
    const reads = new Map([...inspector.reads].map(([name, columns]) => [name.toLowerCase(), columns]));
    for (const name of reads.keys()) {
      if (this.#gone.has(name)) throw new SqlError(`vtable constructor failed: ${name}`);
    }
    const own = statement.sourceSQL;
    return { db, sql: own, reads, rest: sql.slice(own.length) };
  }

  async #run(prepared: Prepared, options: QueryOptions): Promise<TypedRow[]> {
    const contents = await this.#contents(prepared, options);
    // From here to the end nothing waits: the tables are shared by all statements.
    const { db } = prepared;
    const wide = db === this.#wide;
    for (const [table, rows] of contents) this.#filler.fill(db, table, wide, rows);
    try {
      // A statement may run others of SQLite's own, which are authorized only now.
      db.setAuthorizer(this.#inspector());
      return readRows(db, prepared.sql);
    } catch (error) {
      throw new SqlError(reasonOf(error));
    } finally {
      db.setAuthorizer(null);
      for (const [table] of contents) db.exec(`DELETE FROM "${table.name}"`);
    }
  }

  async #contents(prepared: Prepared, options: QueryOptions): Promise<Map<Table, readonly TableRow[]>> {
    const contents = new Map<Table, readonly TableRow[]>();
    const read = [...prepared.reads].flatMap(([name, used]) => {
      const table = this.#tables.get(name);
      return table ? [{ table, used }] : [];
    });
    if (read.length === 0) return contents;
    const program = explain(prepared.db, prepared.sql);
    const literals = textConstants(program);
    const neighbours = function* () {
      for (const rows of contents.values()) yield* rows;
    };
    read.sort((a, b) => Number(a.table.dependent ?? false) - Number(b.table.dependent ?? false));
    for (const { table, used } of read) {
      const visible =
        prepared.db === this.#wide ? table.columns : table.columns.filter((column) => !column.hidden);
      const root = rootPage(prepared.db, table.name);
      const constraints = constraintsOf(program, root, visible);
      const compared = comparedTexts(program, root, visible);
      const source = options.table?.(table) ?? table;
      contents.set(table, [
        ...(await source.generate({ used, constraints, compared, literals, neighbours })),
      ]);
    }
    return contents;
  }

  #drop(name: string): void {
    if (!this.#tables.has(name.toLowerCase())) return;
    const quoted = name.replaceAll('"', '""');
    for (const db of [this.#plain, this.#wide]) {
      this.#filler.forget(db, name);
      db.exec(`DROP TABLE IF EXISTS "${quoted}"`);
    }
    this.#tables.delete(name.toLowerCase());
  }
}

function openDatabase(): DatabaseSync {
  const db = new DatabaseSync(':memory:', { enableForeignKeyConstraints: false });
  registerFunctions(db);
  return db;
}

function rootPage(db: DatabaseSync, table: string): number {
  const row = db
    .prepare("SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE")
    .get(table);
  return Number(row?.['rootpage'] ?? -1);
}
