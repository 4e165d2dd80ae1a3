import type { Item } from '../../console/model.ts';
import { parseRow, type RowValue } from '../../console/row.ts';

/** A row that a host has answered. */
export interface ResultRow {
  readonly host: string;
  readonly hostname: string;
  /** When osquery ran the query, by the host's clock, in milliseconds since the epoch. */
  readonly at: number;
  readonly change: 'snapshot' | 'added' | 'removed';
  /** The row as it came, a JSON object. */
  readonly json: string;
}

export function resultRow({ kind, host, at, text }: Item, hostname: string): ResultRow {
  const change = kind === 'added' || kind === 'removed' ? kind : 'snapshot';
  return { host, hostname, at, change, json: text };
}

/** The row's columns, in the query's order. */
export function columnsOf({ json }: ResultRow): readonly (readonly [string, RowValue])[] {
  return parseRow(json);
}

/** One object with the host and the row, as JSON. Numbers stay as the host wrote them. */
export function rowAsJson({ host, hostname, at, change, json }: ResultRow): string {
  const columns = isObject(json) ? json : JSON.stringify({ row: json });
  const named = `"host":${JSON.stringify(host)},"hostname":${JSON.stringify(hostname)}`;
  return `{${named},"time":"${new Date(at).toISOString()}","change":"${change}","columns":${columns}}`;
}

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
