import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createManagerClient } from '../../src/osquery/manager-client.ts';

/**
 * What the binary weighs: its size, the time from its start to its registration with a stand-in osqueryd, and its
 * memory at rest. Judge memory by Anonymous, which is the process's own: the rest of what is resident are pages of the
 * file itself, which the system shares and may drop. As long as a binary that was just built is not on the disk, Linux
 * counts those as Private_Dirty, too.
 */

const root = join(import.meta.dirname, '../..');
const binary = join(root, 'dist/bro-osquery.ext');
const directory = mkdtempSync(join(tmpdir(), 'binary-bench-'));
const socket = join(directory, 'osquery.em');

/** Milliseconds from start to registration that an idle machine may take, in the middle of five starts. */
const LONGEST_START = 1_000;

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition().catch(() => false))) await sleep(5);
}

function memory({ pid }: ChildProcess): Record<string, number> {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return {
    Rss: kib('Rss'),
    Pss: kib('Pss'),
    Private_Dirty: kib('Private_Dirty'),
    Anonymous: kib('Anonymous'),
  };
}

execFileSync('sync', [binary]);
const osqueryd = spawn(
  process.execPath,
  [
    ...['--import', 'tsx', join(root, 'src/sandbox/osqueryd/main.ts'), '--ephemeral'],
    ...[`--extensions_socket=${socket}`, '--config_plugin=update', '--extensions_interval=1'],
    ...['--logger_plugin=filesystem', `--logger_path=${directory}`],
  ],
  { stdio: 'ignore' },
);
try {
  const manager = createManagerClient({ path: socket });
  await until(async () => (await manager.extensions()).size === 0);
  const times: number[] = [];
  let resting: Record<string, number> = {};
  for (let round = 0; round < 5; round += 1) {
    const started = performance.now();
    const extension = spawn(binary, ['--socket', socket, '--state-dir', join(directory, `state-${round}`)], {
      stdio: 'ignore',
      env: {},
      cwd: '/',
    });
    await until(async () => (await manager.extensions()).size === 1);
    times.push(performance.now() - started);
    await sleep(1_000);
    resting = memory(extension);
    extension.kill('SIGTERM');
    await until(async () => (await manager.extensions()).size === 0);
  }
  manager.close();
  times.sort((one, other) => one - other);
  const median = times[2] ?? Number.POSITIVE_INFINITY;
  process.stdout.write(`size                        ${(statSync(binary).size / 2 ** 20).toFixed(0)} MiB\n`);
  process.stdout.write(
    `start to registration       ${times.map((time) => `${time.toFixed(0)} ms`).join(', ')}\n`,
  );
  for (const [name, kib] of Object.entries(resting)) {
    process.stdout.write(`at rest, ${name.padEnd(18)} ${(kib / 1024).toFixed(1)} MiB\n`);
  }
  if (median > LONGEST_START) {
    process.stdout.write(`the start takes longer than ${LONGEST_START} ms\n`);
    process.exitCode = 1;
  }
} finally {
  osqueryd.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}
