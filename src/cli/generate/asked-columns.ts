import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Platform } from '../../generate/model.ts';
import type { Describe } from '../../generate/type-source.ts';
import { createManagerClient, type ManagerClient } from '../../osquery/manager-client.ts';
import { reasonOf } from '../../text/reason.ts';
import { startChild } from '../demo/child.ts';

/** Milliseconds that an osqueryd has to come up. */
const PATIENCE = 30_000;

/** An osqueryd that says what columns there are on its platform. */
export interface AskedOsqueryd {
  readonly platform: Platform;
  readonly version: string;
  readonly describe: Describe;
  readonly stop: () => Promise<void>;
}

/** The osqueryd that runs behind this extension socket. @throws OsqueryError */
export async function askRunning(path: string): Promise<AskedOsqueryd> {
  const client = createManagerClient({ path });
  return introduced(client, async () => client.close());
}

/** Runs this osqueryd for as long as it is asked, with nothing scheduled and nothing kept. */
export async function askProgram(command: readonly string[]): Promise<AskedOsqueryd> {
  const folder = await mkdtemp(join(tmpdir(), 'bro-osquery-generate-'));
  const socket = join(folder, 'osquery.em');
  const child = await startChild('osqueryd', [
    ...command,
    '--ephemeral',
    '--disable_watchdog',
    '--disable_logging',
    '--force',
    '--config_plugin=update',
    `--pidfile=${join(folder, 'pid')}`,
    `--logger_path=${folder}`,
    `--extensions_socket=${socket}`,
    '--extensions_autoload=',
  ]);
  const client = createManagerClient({ path: socket });
  const stop = async () => {
    client.close();
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await comesUp(client, () => child.ending());
    return await introduced(client, stop);
  } catch (error) {
    await stop();
    throw new Error(`${command.join(' ')}: ${reasonOf(error)}\n${child.lastLines().join('\n')}`.trimEnd());
  }
}

async function comesUp(client: ManagerClient, ending: () => string | undefined): Promise<void> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await client.ping();
    } catch (error) {
      const ended = ending();
      if (ended !== undefined) throw new Error(`osqueryd ended: ${ended}`);
      if (Date.now() > end) throw error;
      await pause(50);
    }
  }
}

async function introduced(client: ManagerClient, stop: () => Promise<void>): Promise<AskedOsqueryd> {
  const [info = {}] = await client.query('SELECT version, build_platform FROM osquery_info');
  return {
    platform: platformOf(info['build_platform'] ?? ''),
    version: info['version'] ?? '',
    describe: (sql) => client.getQueryColumns(sql),
    stop,
  };
}

/** osquery says the distribution that it was built on. */
function platformOf(text: string): Platform {
  return text === 'darwin' || text === 'windows' ? text : 'linux';
}
