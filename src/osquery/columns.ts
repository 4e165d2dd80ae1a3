/** Columns of a query's result, as osquery's `getQueryColumns` tells them. */
import type { Row } from './row.ts';

const COLUMN_TYPES = ['TEXT', 'INTEGER', 'BIGINT', 'UNSIGNED BIGINT', 'DOUBLE', 'BLOB', 'UNKNOWN'] as const;

/**
 * osquery's column types. Of expressions osquery knows little: functions, CASE, coalesce and float literals are
 * UNKNOWN, sums of doubles BIGINT, and a CAST to UNSIGNED BIGINT gives BIGINT (recordings of 5.23.1).
 */
export type ColumnType = (typeof COLUMN_TYPES)[number];

/** A column of a result, in the query's order. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/** The type that osquery calls so; what it has no name for is UNKNOWN, as it calls that itself. */
export function columnType(name: string): ColumnType {
  return COLUMN_TYPES.find((type) => type === name.toUpperCase()) ?? 'UNKNOWN';
}

/**
 * Columns in the order and with the repetitions of the answer: a list of maps of one name to its type. Thrift's maps are
 * objects, which lose one name, `__proto__`: a map without any is that column, of a type that nobody knows.
 */
export function parseColumns(response: readonly Row[]): Column[] {
  return response.flatMap((map): Column[] => {
    const columns = Object.entries(map).map(([name, type]) => ({ name, type: columnType(type) }));
    return columns.length > 0 ? columns : [{ name: '__proto__', type: 'UNKNOWN' }];
  });
}
