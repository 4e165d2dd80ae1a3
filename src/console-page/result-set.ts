import { csvLine } from '../console/csv.ts';
import { parseRow, type RowValue } from '../console/row.ts';
import type { PageRow } from './protocol.ts';

/** A row as the page shows it. */
export interface ShownRow {
  readonly row: PageRow;
  readonly values: ReadonlyMap<string, RowValue>;
  /** In lower case, to be searched. */
  readonly text: string;
}

export interface Sorting {
  /** `host`, or a column of the query. */
  readonly column: string;
  readonly descending: boolean;
}

/** Bars of a plot. */
export interface Bar {
  readonly label: string;
  readonly rows: number;
}

/** Bars that are drawn, and parts of a range of numbers. */
const MOST_BARS = 20;
const PARTS = 16;

/** The rows that there are of a question's answers: those that are removed leave. */
export class ResultSet {
  #rows: ShownRow[] = [];
  readonly #columns = new Set<string>();

  get columns(): readonly string[] {
    return [...this.#columns];
  }

  get size(): number {
    return this.#rows.length;
  }

  clear(): void {
    this.#rows = [];
    this.#columns.clear();
  }

  add(rows: readonly PageRow[]): void {
    // Of a row that is there twice one goes.
    const removed = new Map<string, number>();
    for (const row of rows) {
      if (row.change === 'removed') removed.set(keyOf(row), (removed.get(keyOf(row)) ?? 0) + 1);
      else this.#rows.push(this.#shown(row));
    }
    if (removed.size === 0) return;
    this.#rows = this.#rows.filter(({ row }) => {
      const times = removed.get(keyOf(row)) ?? 0;
      if (times > 0) removed.set(keyOf(row), times - 1);
      return times === 0;
    });
  }

  /** Those with all words of the filter, in that order. */
  shown(filter: string, sorting: Sorting | undefined): readonly ShownRow[] {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    const found =
      words.length === 0
        ? this.#rows
        : this.#rows.filter(({ text }) => words.every((word) => text.includes(word)));
    if (!sorting) return found;
    const { column, descending } = sorting;
    const cellOf = ({ row, values }: ShownRow) =>
      column === 'host' ? row.hostname : (values.get(column) ?? null);
    const sorted = found.toSorted((one, other) => compare(cellOf(one), cellOf(other)));
    return descending ? sorted.reverse() : sorted;
  }

  #shown(row: PageRow): ShownRow {
    const values = new Map(parseRow(row.json));
    for (const name of values.keys()) this.#columns.add(name);
    const text = `${row.hostname} ${row.host} ${[...values.values()].join(' ')}`.toLowerCase();
    return { row, values, text };
  }
}

function keyOf({ host, json }: PageRow): string {
  return `${host}\n${json}`;
}

/** NULL first, then numbers by size, then texts. */
function compare(one: RowValue, other: RowValue): number {
  const rank = (value: RowValue) => (value === null ? 0 : typeof value === 'string' ? 2 : 1);
  if (rank(one) !== rank(other)) return rank(one) - rank(other);
  if (typeof one === 'string' && typeof other === 'string') return one < other ? -1 : one > other ? 1 : 0;
  if (one === null || other === null) return 0;
  return one < other ? -1 : one > other ? 1 : 0;
}

/** How many rows have each value of a column: the most frequent values, or parts of the range of many numbers. */
export function bars(rows: readonly ShownRow[], column: string): readonly Bar[] {
  const values = rows.map(({ row, values: of }) =>
    column === 'host' ? row.hostname : (of.get(column) ?? null),
  );
  const counts = new Map<string, number>();
  for (const value of values) {
    const label = value === null ? 'NULL' : String(value);
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const numbers = values.flatMap((value) =>
    typeof value === 'number' || typeof value === 'bigint' ? [Number(value)] : [],
  );
  if (counts.size > MOST_BARS && numbers.length === values.length) return histogram(numbers);
  const sorted = [...counts].toSorted(([, one], [, other]) => other - one);
  const rest = sorted.slice(MOST_BARS).reduce((sum, [, count]) => sum + count, 0);
  return [
    ...sorted.slice(0, MOST_BARS).map(([label, count]) => ({ label, rows: count })),
    ...(rest > 0 ? [{ label: `${sorted.length - MOST_BARS} other values`, rows: rest }] : []),
  ];
}

function histogram(numbers: readonly number[]): readonly Bar[] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const number of numbers) {
    least = Math.min(least, number);
    most = Math.max(most, number);
  }
  const width = (most - least) / PARTS;
  const counts = Array.from({ length: PARTS }, () => 0);
  for (const number of numbers) {
    const part = Math.min(PARTS - 1, Math.floor((number - least) / width));
    counts[part] = (counts[part] ?? 0) + 1;
  }
  return counts.map((rows, part) => ({
    label: `${rounded(least + part * width)} to ${rounded(least + (part + 1) * width)}`,
    rows,
  }));
}

function rounded(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** The rows as a file. Texts that a spreadsheet would run as formulas are defused, as by `query --csv`. */
export function asCsv(rows: readonly ShownRow[], columns: readonly string[]): string {
  const lines = rows.map(({ row, values }) =>
    csvLine([row.host, row.hostname, ...columns.map((name) => values.get(name))]),
  );
  return `${[csvLine(['host', 'hostname', ...columns]), ...lines].join('\r\n')}\r\n`;
}

/** A JSON object a row, with the columns as the host wrote them. */
export function asNdjson(rows: readonly ShownRow[]): string {
  const lines = rows.map(({ row: { host, hostname, at, json } }) => {
    const named = `"host":${JSON.stringify(host)},"hostname":${JSON.stringify(hostname)}`;
    return `{${named},"time":"${new Date(at).toISOString()}","columns":${json}}`;
  });
  return lines.map((line) => `${line}\n`).join('');
}
