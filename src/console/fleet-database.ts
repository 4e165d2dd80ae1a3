import { constants, DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { HostFacts } from './model.ts';
import type { RowValue } from './row.ts';

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly RowValue[])[];
}

/** The SQL of whoever sits at the console has a mistake; the message is SQLite's. */
export class FleetSqlError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FleetSqlError';
  }
}

/** Names that `rows` has beside those of the query. */
const OWN = ['host', 'hostname', 'time', 'change'] as const;

/**
 * A SQLite database in memory, to ask of what hosts have answered: table `rows` with `host` (its id), `hostname`, `time`
 * (seconds since the epoch), `change`, and the query's columns; one that is called like those gets `query_` before it.
 */
export class FleetDatabase {
  readonly #database = open();
  readonly #inserts = new Map<string, StatementSync>();
  readonly #columns = new Set<string>();

  constructor() {
    this.#database.exec(`CREATE TABLE rows (${OWN.map((name) => quoted(name)).join(', ')})`);
    for (const name of OWN) this.#columns.add(name);
  }

  add(
    { host, hostname, at, change }: { host: string; hostname: string; at: number; change: string },
    row: readonly (readonly [string, RowValue])[],
  ): void {
    const names = row.map(([name]) =>
      OWN.some((own) => own === name.toLowerCase()) ? `query_${name}` : name,
    );
    const values = row.map(([, value]): SQLInputValue => value);
    this.#insert(names).run(host, hostname, Math.floor(at / 1_000), change, ...values);
  }

  /** Forgets all rows. */
  clear(): void {
    this.#database.exec('DELETE FROM rows');
  }

  /** @throws FleetSqlError */
  select(sql: string): Table {
    return select(this.#database, sql);
  }

  close(): void {
    this.#inserts.clear();
    this.#database.close();
  }

  #insert(names: readonly string[]): StatementSync {
    const key = JSON.stringify(names);
    const known = this.#inserts.get(key);
    if (known) return known;
    for (const name of names) {
      // SQLite's names of columns know no case.
      if (this.#columns.has(name.toLowerCase())) continue;
      this.#columns.add(name.toLowerCase());
      this.#database.exec(`ALTER TABLE rows ADD COLUMN ${quoted(name)}`);
    }
    const all = [...OWN, ...names];
    const insert = this.#database.prepare(
      `INSERT INTO rows (${all.map(quoted).join(', ')}) VALUES (${all.map(() => '?').join(', ')})`,
    );
    this.#inserts.set(key, insert);
    return insert;
  }
}

/** The hosts for which a condition holds, such as `platform = "debian" AND connected`. @throws FleetSqlError */
export function hostsWhere(hosts: readonly HostFacts[], condition: string): readonly HostFacts[] {
  const database = open();
  try {
    database.exec(
      'CREATE TABLE hosts (id, name, platform, os, version, gateway, addresses, groups, connected, since, last_seen, rows, rate, lag, warnings, _at)',
    );
    const insert = database.prepare(`INSERT INTO hosts VALUES (${Array(16).fill('?').join(', ')})`);
    database.exec('BEGIN');
    for (const [at, host] of hosts.entries()) {
      const { id, name, platform, os, version, gateway, addresses, groups, rows, rate, lag, warnings } = host;
      insert.run(
        ...[id, name, platform, os, version, gateway, addresses.join(' '), groups.join(' ')],
        host.connected ? 1 : 0,
        host.since === null ? null : Math.floor(host.since / 1_000),
        Math.floor(host.lastSeen / 1_000),
        ...[rows, rate, lag, warnings, at],
      );
    }
    database.exec('COMMIT');
    const found = select(database, `SELECT _at FROM hosts WHERE (${condition}\n) ORDER BY _at`);
    return found.rows.flatMap(([at]) => hosts[Number(at)] ?? []);
  } finally {
    database.close();
  }
}

function open(): DatabaseSync {
  // As in osquery, a name in double quotes that is no column's is a text.
  const database = new DatabaseSync(':memory:', {
    enableDoubleQuotedStringLiterals: true,
    allowExtension: false,
  });
  // The SQL may come with a saved query, out of a repository: it has no business with files.
  database.setAuthorizer((action) =>
    action === constants.SQLITE_ATTACH ? constants.SQLITE_DENY : constants.SQLITE_OK,
  );
  return database;
}

function select(database: DatabaseSync, sql: string): Table {
  try {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    const rows = statement.all() as unknown as (string | number | bigint | null | Uint8Array)[][];
    return {
      columns: statement.columns().map(({ name }) => name),
      rows: rows.map((row) => row.map(rowValueOf)),
    };
  } catch (error) {
    throw new FleetSqlError(error instanceof Error ? error.message : String(error));
  }
}

function rowValueOf(value: string | number | bigint | null | Uint8Array): RowValue {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
