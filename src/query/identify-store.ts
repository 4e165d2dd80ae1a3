import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { loggerNames } from '../osquery/logger-names.ts';
import type { ManagerClient } from '../osquery/manager-client.ts';
import type { OsqueryOption } from '../osquery/manager-values.ts';
import { failureIn, interruptedQuery } from '../osquery/osqueryd-failure.ts';
import { latestProcessLogs, type ProcessLog } from '../osquery/status-file-store.ts';
import type { Evidence, OsquerydProcess, ProcessEnd } from '../schedule/breaker.ts';
import { reasonOf } from '../text/reason.ts';

export interface IdentifyParts {
  readonly client: Pick<ManagerClient, 'query'>;
  /** osqueryd's flags. */
  readonly flags: () => ReadonlyMap<string, OsqueryOption>;
  /** Whether the osqueryd before this one told us that it ends. */
  readonly wasTold: () => boolean;
  readonly log: Pick<Logger, 'warn'>;
}

/** osqueryd processes whose log is read: this one, the one before, and those that never came to register us. */
const PROCESSES_READ = 10;
/** New at each boot of a Linux. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** Which osqueryd this is, and what its own log tells of the end of the one before. */
export async function identifyOsqueryd(
  parts: IdentifyParts,
): Promise<{ readonly osqueryd: OsquerydProcess; readonly evidence: Evidence }> {
  const [info] = await parts.client.query('SELECT pid, start_time, version FROM osquery_info');
  const osqueryd: OsquerydProcess = {
    pid: Number(info?.['pid']) || 0,
    startedAt: Number(info?.['start_time']) || 0,
    boot: (await readFile(BOOT_ID, 'utf8').catch(() => '')).trim(),
    version: info?.['version'] ?? '',
  };
  const logs = await logsOf(parts);
  return { osqueryd, evidence: evidenceIn(logs, osqueryd.pid, parts.wasTold()) };
}

async function logsOf({ log, flags: read }: IdentifyParts): Promise<readonly ProcessLog[]> {
  const flags = read();
  // No other logger of osqueryd writes down what osqueryd says of itself where it can be read.
  if (!loggerNames(flags).includes('filesystem')) return [];
  const directory = flags.get('logger_path')?.value ?? '';
  try {
    return await latestProcessLogs(directory, PROCESSES_READ);
  } catch (error) {
    log.warn({ area: 'osquery' }, `osqueryd's own log in ${directory} can't be read: ${reasonOf(error)}`);
    return [];
  }
}

/** What these logs tell to the osqueryd with that pid. */
function evidenceIn(logs: readonly ProcessLog[], pid: number, told: boolean): Evidence {
  const own = logs.find((one) => one.pid === pid);
  const interrupted = own?.lines.flatMap((line) => interruptedQuery(line) ?? []).at(-1) ?? '';
  return { told, ends: logs.filter((one) => one.pid !== pid).map(endOf), interrupted };
}

function endOf({ pid, lines }: ProcessLog): ProcessEnd {
  const failure = lines.flatMap((line) => failureIn(line) ?? []).at(-1);
  return { pid, ...(failure ?? { blame: 'none', name: '', text: '' }) };
}
