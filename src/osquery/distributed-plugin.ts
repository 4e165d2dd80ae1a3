/** The registry `distributed`: one-time queries that osquery fetches from us and runs under its watchdog. */
import { textOfBytes } from './byte-string.ts';
import { elements, members, parseJson, textMembers } from './loose-json.ts';
import { OsqueryError } from './osquery-error.ts';
import type { Row } from './row.ts';

export interface DistributedQuery {
  /** Ours; comes back with the result. */
  readonly id: string;
  readonly sql: string;
}

export interface DistributedResult {
  readonly id: string;
  /** SQLite's status, 0 for success. */
  readonly status: number;
  /** osquery's text where the status isn't 0. */
  readonly message: string;
  readonly rows: readonly Row[];
}

/** What osquery asks of a distributed plugin. */
export type DistributedCall =
  | { readonly action: 'getQueries' }
  | { readonly action: 'writeResults'; readonly results: readonly DistributedResult[] };

/** Throws {@link OsqueryError} `protocol` for what osquery asks of no distributed plugin. */
export function readDistributedCall(request: ReadonlyMap<string, string>): DistributedCall {
  const action = request.get('action');
  if (action === 'getQueries') return { action };
  if (action === 'writeResults') return { action, results: readResults(request.get('results') ?? '') };
  throw new OsqueryError('protocol', `unknown distributed plugin action ${JSON.stringify(action ?? '')}`);
}

/**
 * The answer to `getQueries`. `accelerate`: for so many seconds osquery asks every few seconds instead of each
 * `--distributed_interval`, so that the next one-time query isn't kept waiting.
 */
export function distributedQueries(
  queries: readonly DistributedQuery[],
  options: { readonly accelerate?: number } = {},
): readonly Row[] {
  const { accelerate } = options;
  const results = {
    queries: Object.fromEntries(queries.map(({ id, sql }) => [id, sql])),
    ...(accelerate === undefined ? {} : { accelerate: Math.round(accelerate) }),
  };
  return [{ results: JSON.stringify(results) }];
}

function readResults(bytes: string): DistributedResult[] {
  const results = members(parseJson(textOfBytes(bytes), 'the results of distributed queries'));
  const statuses = members(results.get('statuses'));
  const messages = members(results.get('messages'));
  return [...members(results.get('queries'))].map(([id, rows]) => ({
    id,
    status: Number(statuses.get(id) ?? 0) || 0,
    message: String(messages.get(id) ?? ''),
    rows: elements(rows).map(textMembers),
  }));
}
