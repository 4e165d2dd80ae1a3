import { FleetDatabase, type Table } from '../../console/fleet-database.ts';
import { counted, printable, quoted } from '../../replay/printable.ts';
import type { Io } from '../io.ts';
import { type Output, type OutputOptions, tableLines } from './outputs.ts';
import { columnsOf, type ResultRow } from './result-row.ts';

/** Milliseconds between two pictures. */
const PAUSE = 500;
/** Cursor home, and all behind it erased. */
const CLEAR = '\u001b[H\u001b[J';
/** Lines of a terminal that does not say. */
const LINES = 24;

export interface WatchOptions extends OutputOptions {
  readonly sql: string;
  /** Seconds. */
  readonly every: number;
}

/**
 * The rows that hosts have at present, as a screen that is written over: what is added and removed changes the set, and
 * SQL over it is evaluated anew for each picture.
 */
export class WatchScreen implements Output {
  readonly #io: Io;
  readonly #options: WatchOptions;
  /** Rows by host, how often each is there. */
  readonly #rows = new Map<string, Map<string, { readonly row: ResultRow; times: number }>>();
  readonly #timer: NodeJS.Timeout;
  #isStale = true;
  #changes = 0;

  constructor(io: Io, options: WatchOptions) {
    this.#io = io;
    this.#options = options;
    this.#timer = setInterval(() => this.#draw(), PAUSE);
    this.#draw();
  }

  row(row: ResultRow): readonly string[] {
    let rows = this.#rows.get(row.host);
    if (!rows) {
      rows = new Map();
      this.#rows.set(row.host, rows);
    }
    const known = rows.get(row.json);
    if (row.change === 'removed') {
      if (known && known.times > 1) known.times -= 1;
      else rows.delete(row.json);
    } else if (known) known.times += 1;
    else rows.set(row.json, { row, times: 1 });
    this.#changes += 1;
    this.#isStale = true;
    return [];
  }

  end(): readonly string[] {
    clearInterval(this.#timer);
    this.#isStale = true;
    this.#draw();
    return [];
  }

  #draw(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    const { sql, every, paint } = this.#options;
    const count = [...this.#rows.values()].reduce((sum, rows) => sum + rows.size, 0);
    const state = `${counted(count, 'row')} of ${counted(this.#rows.size, 'host')}, ${counted(this.#changes, 'change')}`;
    const { rows: height } = this.#io.out as { readonly rows?: number };
    const lines = this.#lines().slice(0, (height ?? LINES) - 3);
    this.#io.out.write(
      `${CLEAR}${paint('faint', `every ${every} s: ${quoted(sql, 100)}  ${state}`)}\n\n${lines.join('\n')}\n`,
    );
  }

  #lines(): readonly string[] {
    try {
      return tableLines(this.#table(), '{}', { ...this.#options, format: 'table' });
    } catch (error) {
      return [printable(error instanceof Error ? error.message : String(error))];
    }
  }

  #table(): Table {
    const { aggregate } = this.#options;
    const all = [...this.#rows.values()].flatMap((rows) =>
      [...rows.values()].flatMap(({ row, times }) => Array.from({ length: times }, () => row)),
    );
    if (aggregate !== undefined) {
      const database = new FleetDatabase();
      try {
        for (const row of all) database.add(row, columnsOf(row));
        return database.select(aggregate);
      } finally {
        database.close();
      }
    }
    const parsed = all.map((row) => ({ row, values: new Map(columnsOf(row)) }));
    const names = [...new Set(parsed.flatMap(({ values }) => [...values.keys()]))];
    return {
      columns: ['host', ...names],
      rows: parsed.map(({ row, values }) => [row.hostname, ...names.map((name) => values.get(name) ?? null)]),
    };
  }
}
