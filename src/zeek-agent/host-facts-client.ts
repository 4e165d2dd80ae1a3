import type { ManagerClient } from '../osquery/manager-client.ts';
import { OsqueryError } from '../osquery/osquery-error.ts';
import type { HostFacts } from './bodies.ts';
import { hasSystemLog, type SystemLogOptions } from './system-log-client.ts';

export interface HostFactsOptions {
  readonly client: Pick<ManagerClient, 'query'>;
  /** As Node names it. */
  readonly platform: string;
  readonly systemLog: SystemLogOptions;
}

const TABLES = "SELECT name FROM osquery_registry WHERE registry = 'table' AND active = 1";
/** Tables of events that osquery does not collect: a subscriber may be active whose publisher is not (seen with 5.23.1). */
const IDLE =
  "SELECT name FROM osquery_events WHERE type = 'subscriber' AND (active = 0 OR publisher IN (SELECT name FROM osquery_events WHERE type = 'publisher' AND active = 0))";

const PLATFORMS: Readonly<Record<string, HostFacts['platform']>> = { darwin: 'darwin', win32: 'windows' };

/** What this host has of what Zeek Agent's tables are made of; asked of osquery once, and anew when that started anew. */
export class HostFactsReader {
  readonly #options: HostFactsOptions;
  #facts: Promise<HostFacts> | undefined;

  constructor(options: HostFactsOptions) {
    this.#options = options;
  }

  /** Rejects with an OsqueryError where osquery can't be asked; the next call asks again. */
  read(): Promise<HostFacts> {
    const facts = this.#facts ?? this.#ask();
    this.#facts = facts;
    facts.catch(() => {
      if (this.#facts === facts) this.#facts = undefined;
    });
    return facts;
  }

  forget(): void {
    this.#facts = undefined;
  }

  async #ask(): Promise<HostFacts> {
    const { client, platform, systemLog } = this.#options;
    const [tables, idle, isJournal] = await Promise.all([
      namesIn(client, TABLES),
      namesIn(client, IDLE),
      platform === 'linux' ? hasSystemLog(systemLog) : false,
    ]);
    return {
      tables: new Set(tables.filter((name) => !idle.includes(name))),
      platform: PLATFORMS[platform] ?? 'linux',
      hasSystemLog: isJournal,
    };
  }
}

/** None where this osquery has no such table. */
async function namesIn(client: Pick<ManagerClient, 'query'>, sql: string): Promise<readonly string[]> {
  try {
    return (await client.query(sql)).map(({ name = '' }) => name.toLowerCase());
  } catch (error) {
    if (error instanceof OsqueryError && error.kind === 'refused') return [];
    throw error;
  }
}
