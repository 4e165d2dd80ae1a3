import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SplayStore } from './config/config.ts';
import { restoredCell, rowKey } from './differ.ts';
import type { TypedRow } from './sql/cell.ts';

/** What is kept of a query name between its runs. */
export interface QueryState {
  readonly sql: string;
  readonly epoch: number;
  readonly counter: number;
  readonly rows: readonly TypedRow[];
}

/**
 * osqueryd's database as far as the schedule needs it: the last result, epoch and counter of each query
 * name, and splayed intervals. In memory, or in a SQLite file below `--database_path`, where a RocksDB
 * would be, which survives a SIGKILL as that does.
 */
export class QueryStore implements SplayStore {
  readonly #db: DatabaseSync;

  /** @param directory undefined: as long as the process lives */
  constructor(directory: string | undefined) {
    if (directory !== undefined) mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#db = new DatabaseSync(directory === undefined ? ':memory:' : join(directory, 'standin.sqlite'));
    this.#db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS queries (
        name TEXT PRIMARY KEY, sql TEXT, epoch INTEGER, counter INTEGER, rows TEXT, ran INTEGER);
      CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT);`);
  }

  query(name: string): QueryState | undefined {
    const row = this.#db.prepare('SELECT sql, epoch, counter, rows FROM queries WHERE name = ?').get(name);
    if (!row) return undefined;
    return {
      sql: String(row['sql']),
      epoch: Number(row['epoch']),
      counter: Number(row['counter']),
      rows: String(row['rows'])
        .split('\n')
        .filter((line) => line !== '')
        .map(restoredRow),
    };
  }

  setQuery(name: string, state: QueryState, now: number): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO queries VALUES (?, ?, ?, ?, ?, ?)')
      .run(name, state.sql, state.epoch, state.counter, state.rows.map(rowKey).join('\n'), now);
  }

  /** Notes that the name ran, so that a purge spares it. */
  touch(name: string, now: number): void {
    this.#db.prepare('UPDATE queries SET ran = ? WHERE name = ?').run(now, name);
  }

  /** Forgets results of names that are not in the schedule and have not run for a week. */
  purge(scheduled: ReadonlySet<string>, now: number): void {
    const week = 7 * 86_400;
    for (const row of this.#db.prepare('SELECT name FROM queries WHERE ran < ?').all(now - week)) {
      const name = String(row['name']);
      if (!scheduled.has(name)) this.#db.prepare('DELETE FROM queries WHERE name = ?').run(name);
    }
  }

  splay(name: string): string | undefined {
    return this.setting(`interval.${name}`);
  }

  setSplay(name: string, value: string): void {
    this.setSetting(`interval.${name}`, value);
  }

  setting(name: string): string | undefined {
    const row = this.#db.prepare('SELECT value FROM settings WHERE name = ?').get(name);
    return row ? String(row['value']) : undefined;
  }

  setSetting(name: string, value: string): void {
    this.#db.prepare('INSERT OR REPLACE INTO settings VALUES (?, ?)').run(name, value);
  }

  close(): void {
    this.#db.close();
  }
}

function restoredRow(line: string): TypedRow {
  const cells = JSON.parse(line) as [string, string][];
  return cells.map(([name, cell]) => [name, restoredCell(cell)] as const);
}
