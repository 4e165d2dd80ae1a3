/** Types that osquery's tables declare. */
export type ColumnType = 'TEXT' | 'INTEGER' | 'BIGINT' | 'UNSIGNED BIGINT' | 'DOUBLE' | 'BLOB' | 'UNKNOWN';

export interface TableColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** osquery's marks as a number (index, required, hidden…), 0 if missing. */
  readonly options?: number;
  /** Not part of `SELECT *`, but there for who names it. */
  readonly hidden?: boolean;
  /** Compares without regard to case. */
  readonly nocase?: boolean;
  /** The column of which this hidden one is another name. */
  readonly alias?: string;
}

/** One condition that every row must satisfy; `op` as osquery numbers them (osquery.md 10). */
export interface Constraint {
  readonly op: number;
  readonly expr: string;
}

/** What a statement wants of a table. Rows may always be a superset: SQLite filters them again. */
export interface TableRequest {
  /** Columns the statement looks at. */
  readonly used: ReadonlySet<string>;
  readonly constraints: ReadonlyMap<string, readonly Constraint[]>;
  /** Text constants that the statement compares with a column of the table, LIKE patterns among them. */
  readonly compared: ReadonlyMap<string, readonly string[]>;
  /** All text constants of the statement. */
  readonly literals: readonly string[];
  /** Rows of the statement's other tables, for tables whose rows depend on those. */
  readonly neighbours: () => Iterable<TableRow>;
}

/** What a table gives: text, numbers or nothing by column; a missing column is NULL. */
export type TableRow = Readonly<Record<string, string | number | bigint | null | undefined>>;

export interface Table {
  readonly name: string;
  readonly columns: readonly TableColumn[];
  /** osquery's flags of a table: 1 utility, 2 cacheable, 4 of events, 8 of users. */
  readonly attributes?: number;
  /** Event tables are never diffed. */
  readonly eventBased?: boolean;
  /** Whether rows depend on what the statement asks for, so that the other tables come first. */
  readonly dependent?: boolean;
  /** Reading it needs the schedule lock. */
  readonly needsScheduleLock?: boolean;
  generate(request: TableRequest): Iterable<TableRow> | Promise<Iterable<TableRow>>;
}

/** osquery's marks of a column, as a number in its routes. */
const MARKS = {
  index: 1,
  required: 2,
  additional: 4,
  optimized: 8,
  hidden: 16,
  nocase: 64,
  version: 256,
} as const;

/**
 * Columns from `name type mark…` texts: the shape of osquery's own table specifications. `=other` makes the
 * column another name of that one.
 */
export function columns(...specs: readonly string[]): TableColumn[] {
  return specs.map((spec) => {
    const [name = '', type = 'TEXT', ...marks] = spec
      .replace('UNSIGNED BIGINT', 'UNSIGNED_BIGINT')
      .split(' ');
    const alias = marks.find((mark) => mark.startsWith('='))?.slice(1);
    const options = marks.reduce((sum, mark) => sum + (MARKS[mark as keyof typeof MARKS] ?? 0), 0);
    return {
      name,
      type: type.replace('_', ' ') as ColumnType,
      ...(options === 0 ? {} : { options }),
      ...(marks.includes('hidden') || alias !== undefined ? { hidden: true } : {}),
      ...(marks.includes('nocase') ? { nocase: true } : {}),
      ...(alias !== undefined ? { alias } : {}),
    };
  });
}
