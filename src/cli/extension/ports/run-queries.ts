import { fromPromise } from 'xstate';
import type { Executed } from '../../../../actors/one-time-queries.ts';
import {
  type Description,
  type Descriptions,
  type Question,
  questionKey,
} from '../../../../actors/schedule-commands.ts';
import type { Courier } from '../../../delivery/courier.ts';
import { executionEntry } from '../../../delivery/execution-entry.ts';
import type { DistributedExecutions } from '../../../osquery/distributed-executions.ts';
import type { ManagerClient } from '../../../osquery/manager-client.ts';
import { OsqueryError } from '../../../osquery/osquery-error.ts';
import type { Row } from '../../../osquery/row.ts';
import { Semaphore } from '../../../osquery/semaphore.ts';
import type { TableAccessReader, TableLookup } from '../../../osquery/table-access-store.ts';
import type { Execution } from '../../../schedule/schedule.ts';
import { isForOsquery, osquerySql, type Translation } from '../../../schedule/translation.ts';
import { reasonOf } from '../../../text/reason.ts';
import { shortened } from '../../../text/shortened.ts';
import { UNDERLYING } from '../../../zeek-agent/bodies.ts';
import { filled } from '../../../zeek-agent/filled.ts';
import type { HostFactsReader } from '../../../zeek-agent/host-facts-client.ts';
import { StatementError } from '../../../zeek-agent/statement.ts';
import { type Translated, translate } from '../../../zeek-agent/translate-store.ts';
import type { ExtensionContext } from '../extension-context.ts';
import type { CooperativeScheduler } from './cooperative-scheduler.ts';
import type { OwnQueries } from './own-queries.ts';

/** Milliseconds that a request may wait for osqueryd to be there. */
const OSQUERY_PATIENCE = 30_000;
/** Milliseconds between two tries of a one-time query while osqueryd is away. */
const RETRY_PAUSE = 1_000;

const BUSY = `osquery was busy for ${OSQUERY_PATIENCE} ms with other one-time queries; try again`;

export interface QueryParts {
  readonly client: ManagerClient;
  readonly registered: () => Promise<void>;
  readonly access: TableAccessReader;
  readonly lookUp: TableLookup;
  /** What Zeek Agent's tables are made of here. */
  readonly facts: Pick<HostFactsReader, 'read'>;
  readonly ownQueries: () => Pick<OwnQueries, 'evaluateOnce'>;
  readonly courier: () => Courier;
  readonly distributed: DistributedExecutions;
  /** Whether osqueryd fetches what waits there. */
  readonly fetches: () => boolean;
  readonly scheduler: CooperativeScheduler;
}

/** Queries that osqueryd prepares at a time: each is a thread there. */
const DESCRIBED_AT_A_TIME = 8;
/** Characters of a query, or of what osquery says of it, that the log quotes. */
const LONGEST_QUOTE = 500;

/**
 * The port `describe`: what osquery says of queries that Bros ask for, each in its own words if it refuses. For all
 * of them together it has as long as for one, so that none that takes long to prepare holds up what comes after.
 */
export function describePort(context: ExtensionContext, parts: QueryParts) {
  return fromPromise<Descriptions, { readonly queries: readonly Question[] }>(async ({ input }) => {
    if (input.queries.length === 0) return {};
    await within(parts.registered(), OSQUERY_PATIENCE);
    const places = new Semaphore(DESCRIBED_AT_A_TIME);
    const end = context.runtime.now() + OSQUERY_PATIENCE;
    const described = await Promise.all(
      input.queries.map(async (question) => {
        const place = places.enter();
        await place.turn;
        try {
          return [
            questionKey(question),
            await describe(context, parts, question, end - context.runtime.now()),
          ] as const;
        } finally {
          place.leave();
        }
      }),
    );
    return Object.fromEntries(described);
  });
}

/** `left`: milliseconds that it may take. */
async function describe(
  context: ExtensionContext,
  parts: QueryParts,
  { dialect, sql }: Question,
  left: number,
): Promise<Description> {
  try {
    if (left <= 0) throw new OsqueryError('timeout', BUSY);
    const { client, access, facts, lookUp } = parts;
    const { translation, columns: known } =
      dialect === 'osquery' ? NOT_TRANSLATED : await translate(sql, dialect, await facts.read(), lookUp);
    // What osquery has no table for is a table without rows while it is asked.
    const asked = translation ? filled(translation) : sql;
    const columns = await client.getQueryColumns(asked, Math.min(left, OSQUERY_PATIENCE));
    if (columns.length === 0) return { code: 'no-rows', error: 'the statement returns no rows' };
    const { tables } = await access.read(asked);
    return {
      columns: columns.map((column, at) => ({ ...column, ...known[at] })),
      tables: [...tables.map(({ table }) => table), ...underlyingTables(translation)],
      ...(translation && { translation }),
    };
  } catch (error) {
    if (error instanceof StatementError) return { code: 'statement', error: error.message };
    if (!(error instanceof OsqueryError)) throw error;
    context.log.warn(
      { area: 'schedule', sql: shortened(sql, LONGEST_QUOTE) },
      `osquery refused a query: ${shortened(error.message, LONGEST_QUOTE)}`,
    );
    return { code: `osquery-${error.kind}`, error: error.message };
  }
}

const NOT_TRANSLATED: Translated = { columns: [] };

/** Who may not read these may not read what this process reads itself. */
function underlyingTables(translation: Translation | undefined): readonly string[] {
  return [...new Set(translation?.sources.flatMap(({ kind }) => UNDERLYING[kind]) ?? [])];
}

/** The port `execute`: runs a one-time query, and has its rows in the journal before it says so. */
export function executePort(context: ExtensionContext, parts: QueryParts) {
  return fromPromise<Executed, Execution>(async ({ input, signal }) => {
    const found = await rowsOf(context, parts, input, signal);
    if ('error' in found) return { rows: 0, error: found.error };
    const unixTime = Math.floor(context.runtime.now() / 1_000);
    const handover = await executionEntry(input, unixTime, found.rows, {
      yieldControl: parts.scheduler.nextSlot,
    });
    const appended = await parts.courier().take(handover);
    if (!appended.accepted) return { rows: 0, error: `its rows could not be stored: ${appended.message}` };
    return { rows: found.rows.length, error: '' };
  });
}

type Found = { readonly rows: readonly Row[] } | { readonly error: string };

async function rowsOf(
  context: ExtensionContext,
  { client, registered, distributed, fetches, ownQueries }: QueryParts,
  execution: Execution,
  signal: AbortSignal,
): Promise<Found> {
  const { name, peer, translation } = execution;
  const sql = osquerySql(execution);
  let deaths = 0;
  while (!signal.aborted) {
    await registered();
    if (translation && !isForOsquery(execution)) return ownRows(ownQueries(), translation);
    if (context.settings().oneTimeQueries === 'distributed' && fetches()) {
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
      if (deaths > context.settings().policy.maxExecutionRestarts) {
        return { error: `osqueryd exited ${deaths} times while it ran; it is not retried` };
      }
      await pause(RETRY_PAUSE);
    }
  }
  return { error: 'it was cancelled' };
}

async function ownRows(
  ownQueries: Pick<OwnQueries, 'evaluateOnce'>,
  translation: Translation,
): Promise<Found> {
  try {
    return { rows: await ownQueries.evaluateOnce(translation) };
  } catch (error) {
    return { error: reasonOf(error) };
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function within(promise: Promise<void>, milliseconds: number): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error('osqueryd is not reachable')), milliseconds);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
