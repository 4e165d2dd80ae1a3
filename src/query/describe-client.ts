import type { Logger } from 'pino';
import type { ManagerClient } from '../osquery/manager-client.ts';
import { OsqueryError } from '../osquery/osquery-error.ts';
import { Semaphore } from '../osquery/semaphore.ts';
import type { TableAccessReader, TableLookup } from '../osquery/table-access-store.ts';
import { type Description, type Descriptions, type Question, questionKey } from '../schedule/description.ts';
import type { Translation } from '../schedule/translation.ts';
import { shortened } from '../text/shortened.ts';
import { UNDERLYING } from '../zeek-agent/bodies.ts';
import { filled } from '../zeek-agent/filled.ts';
import type { HostFactsReader } from '../zeek-agent/host-facts-client.ts';
import { StatementError } from '../zeek-agent/statement.ts';
import { type Translated, translate } from '../zeek-agent/translate-store.ts';

/** Milliseconds that a request may wait for osqueryd to be there. */
const OSQUERY_PATIENCE = 30_000;
/** Queries that osqueryd prepares at a time: each is a thread there. */
const DESCRIBED_AT_A_TIME = 8;
/** Characters of a query, or of what osquery says of it, that the log quotes. */
const LONGEST_QUOTE = 500;

const BUSY = `osquery was busy for ${OSQUERY_PATIENCE} ms with other one-time queries; try again`;

export interface DescriberParts {
  readonly client: Pick<ManagerClient, 'getQueryColumns'>;
  readonly registered: () => Promise<void>;
  readonly access: TableAccessReader;
  readonly lookUp: TableLookup;
  /** What Zeek Agent's tables are made of here. */
  readonly facts: Pick<HostFactsReader, 'read'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Pick<Logger, 'warn'>;
}

/** Asks osquery what the queries are that Bros ask for: each in osquery's own words if it refuses. */
export class QueryDescriber {
  readonly #parts: DescriberParts;

  constructor(parts: DescriberParts) {
    this.#parts = parts;
  }

  /**
   * For all of the queries together there is as much time as for one, so that none that takes long to prepare holds up
   * what comes after. Rejects where osqueryd does not come.
   */
  readonly describe = async ({
    queries,
  }: {
    readonly queries: readonly Question[];
  }): Promise<Descriptions> => {
    if (queries.length === 0) return {};
    const { registered, now } = this.#parts;
    await within(registered(), OSQUERY_PATIENCE);
    const places = new Semaphore(DESCRIBED_AT_A_TIME);
    const end = now() + OSQUERY_PATIENCE;
    const described = await Promise.all(
      queries.map(async (question) => {
        const place = places.enter();
        await place.turn;
        try {
          return [questionKey(question), await this.#describe(question, end - now())] as const;
        } finally {
          place.leave();
        }
      }),
    );
    return Object.fromEntries(described);
  };

  /** `left`: milliseconds that it may take. */
  async #describe({ dialect, sql }: Question, left: number): Promise<Description> {
    const { client, access, facts, lookUp, log } = this.#parts;
    try {
      if (left <= 0) throw new OsqueryError('timeout', BUSY);
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
      log.warn(
        { area: 'schedule', sql: shortened(sql, LONGEST_QUOTE) },
        `osquery refused a query: ${shortened(error.message, LONGEST_QUOTE)}`,
      );
      return { code: `osquery-${error.kind}`, error: error.message };
    }
  }
}

const NOT_TRANSLATED: Translated = { columns: [] };

/** Who may not read these may not read what this process reads itself. */
function underlyingTables(translation: Translation | undefined): readonly string[] {
  return [...new Set(translation?.sources.flatMap(({ kind }) => UNDERLYING[kind]) ?? [])];
}

function within(promise: Promise<void>, milliseconds: number): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error('osqueryd is not reachable')), milliseconds);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
