import { csvLine } from '../../console/csv.ts';
import { FleetDatabase, type Table } from '../../console/fleet-database.ts';
import type { RowValue } from '../../console/row.ts';
import { printable, printableJson } from '../../replay/printable.ts';
import type { Painter } from '../colour.ts';
import { GrowingTable } from '../growing-table.ts';
import { columnsOf, type ResultRow, rowAsJson } from './result-row.ts';

/** Forms of results; `auto` is a table on a terminal, else `ndjson`. */
export type Format = 'table' | 'json' | 'csv' | 'ndjson';

/** What prints rows: some at once, some in the end. */
export interface Output {
  /** Lines to print now. */
  row(row: ResultRow): readonly string[];
  /** Lines to print in the end; `summary` as JSON. */
  end(summary: string): readonly string[];
}

export interface OutputOptions {
  readonly format: Format;
  /** Characters in a line of the terminal. */
  readonly width: () => number;
  readonly paint: Painter;
  /** Leave texts that look like formulas as they are. */
  readonly rawCsv: boolean;
  /** SQL over all rows, of which the result is printed instead. */
  readonly aggregate: string | undefined;
}

export function outputFor(options: OutputOptions): Output {
  if (options.aggregate !== undefined) return new AggregateOutput(options.aggregate, options);
  switch (options.format) {
    case 'table':
      return tableOutput(options);
    case 'ndjson':
      return { row: (row) => [printableJson(rowAsJson(row))], end: () => [] };
    case 'json':
      return jsonOutput();
    case 'csv':
      return csvOutput(options);
    default:
      return options.format satisfies never;
  }
}

const SIGNS = { snapshot: '', added: '+', removed: '-' } as const;
const MEANINGS = { snapshot: undefined, added: 'good', removed: 'bad' } as const;

function tableOutput({ width, paint }: OutputOptions): Output {
  const table = new GrowingTable(width, paint);
  return {
    row(row) {
      const columns = columnsOf(row);
      const head = ['host', ...columns.map(([name]) => printable(name))];
      const cells = [printable(row.hostname), ...columns.map(([, value]) => cell(value))];
      const { change } = row;
      return table.take({
        kind: head.join('\0'),
        head,
        cells,
        sign: SIGNS[change],
        meaning: MEANINGS[change],
      });
    },
    end: () => [],
  };
}

/** One object in the end: the summary, and all rows. */
function jsonOutput(): Output {
  const rows: string[] = [];
  return {
    row(row) {
      rows.push(printableJson(rowAsJson(row)));
      return [];
    },
    end: (summary) => [`${summary.slice(0, -1)},"rows":[`, ...separated(rows), ']}'],
  };
}

function separated(rows: readonly string[]): string[] {
  return rows.map((row, at) => (at === rows.length - 1 ? row : `${row},`));
}

/** In the end, since only then all columns are known: hosts of another platform may have others. */
function csvOutput({ rawCsv }: OutputOptions): Output {
  const rows: ResultRow[] = [];
  return {
    row(row) {
      rows.push(row);
      return [];
    },
    end() {
      const names = new Set<string>();
      let repeats = false;
      for (const row of rows) {
        for (const [name] of columnsOf(row)) names.add(name);
        repeats ||= row.change !== 'snapshot';
      }
      const own = ['host', 'hostname', ...(repeats ? ['time', 'change'] : [])];
      return [
        csvLine([...own, ...names], rawCsv),
        ...rows.map((row) => {
          const values = new Map(columnsOf(row));
          const what = repeats ? [new Date(row.at).toISOString(), row.change] : [];
          return csvLine(
            [row.host, row.hostname, ...what, ...[...names].map((name) => values.get(name))],
            rawCsv,
          );
        }),
      ];
    },
  };
}

/** The rows of SQL over all rows. */
class AggregateOutput implements Output {
  readonly #sql: string;
  readonly #options: OutputOptions;
  readonly #database = new FleetDatabase();

  /** @throws FleetSqlError where SQLite finds a mistake without knowing the columns */
  constructor(sql: string, options: OutputOptions) {
    this.#sql = sql;
    this.#options = options;
  }

  row(row: ResultRow): readonly string[] {
    this.#database.add(row, columnsOf(row));
    return [];
  }

  /** @throws FleetSqlError */
  end(summary: string): readonly string[] {
    try {
      return tableLines(this.#database.select(this.#sql), summary, this.#options);
    } finally {
      this.#database.close();
    }
  }
}

/** A table that is there as a whole, in a form. */
export function tableLines(table: Table, summary: string, options: OutputOptions): readonly string[] {
  const { columns, rows } = table;
  switch (options.format) {
    case 'table': {
      const head = columns.map(printable);
      const growing = new GrowingTable(options.width, options.paint);
      return growing.whole(
        head,
        rows.map((row) => row.map(cell)),
      );
    }
    case 'csv':
      return [csvLine(columns, options.rawCsv), ...rows.map((row) => csvLine(row, options.rawCsv))];
    case 'ndjson':
      return rows.map((row) => printableJson(objectOf(columns, row)));
    case 'json': {
      const objects = rows.map((row) => printableJson(objectOf(columns, row)));
      return [`${summary.slice(0, -1)},"rows":[`, ...separated(objects), ']}'];
    }
    default:
      return options.format satisfies never;
  }
}

function objectOf(columns: readonly string[], row: readonly RowValue[]): string {
  const members = columns.map((name, at) => `${JSON.stringify(name)}:${jsonValue(row[at] ?? null)}`);
  return `{${members.join(',')}}`;
}

function jsonValue(value: RowValue): string {
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

/** A value on a terminal. */
export function cell(value: RowValue): string {
  return value === null ? '-' : printable(String(value));
}
