import type { Courier } from '../delivery/courier.ts';
import { executionEntry } from '../delivery/execution-entry.ts';
import type { DistributedExecutions } from '../osquery/distributed-executions.ts';
import type { ManagerClient } from '../osquery/manager-client.ts';
import { OsqueryError } from '../osquery/osquery-error.ts';
import type { Row } from '../osquery/row.ts';
import type { Executed } from '../schedule/description.ts';
import type { Execution } from '../schedule/schedule.ts';
import { isForOsquery, osquerySql, type Translation } from '../schedule/translation.ts';
import { reasonOf } from '../text/reason.ts';
import type { OwnQueries } from './own-queries-client.ts';

/** Milliseconds between two tries of a one-time query while osqueryd is away. */
const RETRY_PAUSE = 1_000;

export interface ExecutorParts {
  readonly client: Pick<ManagerClient, 'query'>;
  readonly registered: () => Promise<void>;
  readonly distributed: Pick<DistributedExecutions, 'run'>;
  /** Whether osqueryd is to fetch one-time queries, and does. */
  readonly isDistributed: () => boolean;
  readonly ownQueries: () => Pick<OwnQueries, 'evaluateOnce'>;
  readonly courier: () => Pick<Courier, 'take'>;
  /** How often a query may find osqueryd gone before it is given up. */
  readonly maxRestarts: () => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly yieldControl: () => Promise<void>;
}

type Found = { readonly rows: readonly Row[] } | { readonly error: string };

/** Runs one-time queries. */
export class QueryExecutor {
  readonly #parts: ExecutorParts;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  /** Resolves once the query's rows are in the journal, or with why they aren't. */
  readonly execute = async (execution: Execution, signal: AbortSignal): Promise<Executed> => {
    const { now, yieldControl, courier } = this.#parts;
    const found = await this.#rowsOf(execution, signal);
    if ('error' in found) return { rows: 0, error: found.error };
    const unixTime = Math.floor(now() / 1_000);
    const handover = await executionEntry(execution, unixTime, found.rows, { yieldControl });
    const appended = await courier().take(handover);
    if (!appended.accepted) return { rows: 0, error: `its rows could not be stored: ${appended.message}` };
    return { rows: found.rows.length, error: '' };
  };

  async #rowsOf(execution: Execution, signal: AbortSignal): Promise<Found> {
    const { client, registered, distributed, isDistributed, maxRestarts } = this.#parts;
    const { name, peer, translation } = execution;
    const sql = osquerySql(execution);
    let deaths = 0;
    while (!signal.aborted) {
      await registered();
      if (translation && !isForOsquery(execution)) return this.#ownRows(translation);
      if (isDistributed()) {
        const { status, message, rows } = await distributed.run({ id: name, sql }, signal);
        return status === 0 ? { rows } : { error: message || `SQLite's status ${status}` };
      }
      try {
        return { rows: await client.query(sql, undefined, peer) };
      } catch (error) {
        if (!(error instanceof OsqueryError)) throw error;
        if (error.kind !== 'unreachable') return { error: error.message };
        // osqueryd went away meanwhile: the query has no answer yet. It may be what brings osqueryd down.
        deaths += 1;
        if (deaths > maxRestarts()) {
          return { error: `osqueryd exited ${deaths} times while it ran; it is not retried` };
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE));
      }
    }
    return { error: 'it was cancelled' };
  }

  async #ownRows(translation: Translation): Promise<Found> {
    try {
      return { rows: await this.#parts.ownQueries().evaluateOnce(translation) };
    } catch (error) {
      return { error: reasonOf(error) };
    }
  }
}
