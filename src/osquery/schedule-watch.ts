import type { ManagerClient } from './manager-client.ts';
import type { Row } from './row.ts';

/** What osquery has in its schedule under one of our names. */
interface Entry {
  readonly denylisted: boolean;
}

/** What a look at osquery's schedule found. */
export interface ScheduleSight {
  /** Names that osquery had taken from us and has no more. */
  readonly missing: readonly string[];
  /** Names whose denylisting has changed since the last look. */
  readonly changed: readonly { readonly name: string; readonly denylisted: boolean }[];
  /** When osquery last ran each of ours: milliseconds since the epoch, by name. */
  readonly runs: ReadonlyMap<string, number>;
}

/** Remembers what osquery has taken of our schedule, and sees what it has lost or put on its denylist. */
export class ScheduleWatch {
  readonly #client: Pick<ManagerClient, 'query'>;
  #taken: readonly string[] = [];
  #denylisted = new Set<string>();
  #seenRuns: ReadonlyMap<string, number> = new Map();

  constructor(client: Pick<ManagerClient, 'query'>) {
    this.#client = client;
  }

  /** osquery runs exactly these of ours. */
  taken(names: readonly string[]): void {
    this.#taken = names;
  }

  /** What the last look found of {@link lastRuns}, without asking osquery. */
  get seenRuns(): ReadonlyMap<string, number> {
    return this.#seenRuns;
  }

  /** When osquery last ran each of ours: milliseconds since the epoch, by name. Throws OsqueryError. */
  async lastRuns(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#client.query('SELECT name, last_executed FROM osquery_schedule');
    return this.#runsIn(rows);
  }

  /**
   * Looks at osquery's schedule. Never to be called inside a log call: osquery holds the lock of its schedule
   * while it waits for its logger. Throws OsqueryError.
   */
  async look(): Promise<ScheduleSight> {
    const taken = this.#taken;
    const rows = await this.#client.query('SELECT name, denylisted, last_executed FROM osquery_schedule');
    const present = new Map(rows.map((row) => [row['name'] ?? '', entryOf(row)]));
    // Another schedule was applied meanwhile: what was seen is of neither.
    if (taken !== this.#taken) return { missing: [], changed: [], runs: new Map() };
    const denylisted = new Set(taken.filter((name) => present.get(name)?.denylisted));
    const changed = taken
      .filter((name) => denylisted.has(name) !== this.#denylisted.has(name))
      .map((name) => ({ name, denylisted: denylisted.has(name) }));
    this.#denylisted = denylisted;
    this.#seenRuns = this.#runsIn(rows);
    return { missing: taken.filter((name) => !present.has(name)), changed, runs: this.#seenRuns };
  }

  #runsIn(rows: readonly Row[]): ReadonlyMap<string, number> {
    const runs = rows.map((row) => [row['name'] ?? '', Number(row['last_executed']) * 1_000] as const);
    const ours = new Set(this.#taken);
    return new Map(runs.filter(([name, at]) => at > 0 && ours.has(name)));
  }
}

function entryOf(row: Row): Entry {
  return { denylisted: row['denylisted'] === '1' };
}
