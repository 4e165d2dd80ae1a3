import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createManagerClient, type ManagerClient } from '../../src/osquery/manager-client.ts';
import { joinedFlags, socketAppears, spawnStandin } from './standin-process.ts';

/** The program. */
export const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

/** A stand-in osqueryd and what is needed to start extensions beside it, all in a folder of its own. */
export interface Place {
  readonly directory: string;
  readonly socket: string;
  readonly osquery: ManagerClient;
  startExtension(...flags: readonly string[]): Extension;
  /** Writes osquery's configuration: our key, and what else there is. */
  configure(bro: unknown, own?: object): Promise<void>;
  /** SQL of what osquery has in its schedule from us, by name. */
  schedule(): Promise<Readonly<Record<string, string>>>;
  untilScheduled(...sql: string[]): Promise<void>;
}

export interface Extension {
  readonly child: ChildProcess;
  /** The exit code. */
  readonly ended: Promise<number | null>;
  /** What it has written to stderr so far. */
  readonly log: () => string;
}

/** Starts a stand-in osqueryd; everything is gone after the test. `flags` come after the usual ones. */
export async function place(
  t: TestContext,
  bro: unknown,
  { own = {}, flags = [] }: { readonly own?: object; readonly flags?: readonly string[] } = {},
): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'bro-place-'));
  const socket = join(directory, 'osquery.em');
  const config = join(directory, 'osquery.conf');
  const configure = (ours: unknown, others: object = own) =>
    writeFile(config, JSON.stringify({ ...others, bro: ours }));
  await configure(bro);
  spawnStandin(t, [
    '--ephemeral',
    ...joinedFlags(directory),
    '--extensions_interval=1',
    '--logger_event_type=false',
    ...flags,
  ]);
  // Behind those who write into it: hooks run in the order in which they are registered.
  // The extension, which ends later, writes little once osqueryd is gone: then it is tried again.
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  await socketAppears(socket);
  const osquery = createManagerClient({ path: socket });
  t.after(() => osquery.close());
  const schedule = async () => {
    const rows = await osquery.query("SELECT name, query FROM osquery_schedule WHERE name LIKE 'bro_%'");
    return Object.fromEntries(rows.map((row) => [row['name'] ?? '', row['query'] ?? '']));
  };
  return {
    directory,
    socket,
    osquery,
    configure,
    schedule,
    startExtension(...more) {
      const args = ['--socket', socket, '--timeout', '10', '--interval', '1', ...more];
      if (!more.includes('--state-dir')) args.push('--state-dir', join(directory, 'state'));
      const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
        stdio: ['ignore', 'ignore', 'pipe'],
        cwd: join(import.meta.dirname, '../..'),
        // A spec may have programs of its own there.
        env: { ...process.env, PATH: `${join(directory, 'bin')}:${process.env['PATH']}` },
      });
      let log = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        log += chunk.toString();
      });
      const ended = once(child, 'exit').then(([code]) => code as number | null);
      t.after(async () => {
        child.kill('SIGKILL');
        await ended;
      });
      return { child, ended, log: () => log };
    },
    async untilScheduled(...sql) {
      const wanted = JSON.stringify([...sql].sort());
      await until(`osquery runs ${sql.join('; ') || 'nothing of ours'}`, async () => {
        const now = await schedule().catch(() => undefined);
        return now !== undefined && JSON.stringify(Object.values(now).sort()) === wanted;
      });
    },
  };
}

/** Looks again and again until the condition holds. */
export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
  within = 30_000,
): Promise<void> {
  const end = Date.now() + within;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${within} ms`);
    await pause(30);
  }
}
