import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { putIntoNode } from '../../src/cli/build/executable.ts';
import { TARGETS } from '../../src/cli/build/targets.ts';
import { createManagerClient, type ManagerClient } from '../../src/osquery/manager-client.ts';

/**
 * What each build that runs here weighs: its size, the time from its start to its registration with a stand-in
 * osqueryd, and its memory at rest. This machine's own has compiled code inside; `without code cache` is what builds
 * for other platforms are like; that for arm64 runs under qemu (`make dist/linux-arm64/bro-osquery.ext setup-arm64`),
 * so that its size alone means something. Judge memory by Anonymous, which is the process's own: the rest of what is
 * resident are pages of the file itself, which the system shares and may drop. As long as a binary that was just built
 * is not on the disk, Linux counts those as Private_Dirty, too.
 */

const root = join(import.meta.dirname, '../..');
const binary = join(root, 'dist/bro-osquery.ext');
const directory = mkdtempSync(join(tmpdir(), 'binary-bench-'));
const socket = join(directory, 'osquery.em');

/** Milliseconds from start to registration that an idle machine may take, in the middle of five starts. */
const LONGEST_START = 1_000;
const ROUNDS = 5;

interface Build {
  readonly name: string;
  readonly file: string;
  /** What runs it, with its first arguments. */
  readonly program: readonly string[];
}

interface Measured {
  readonly starts: readonly number[];
  readonly resting: Readonly<Record<string, number>>;
}

/** Those that this machine can run. */
function builds(): Build[] {
  const plain = join(directory, 'without-code-cache.ext');
  putIntoNode({ folder: join(root, '.cache/binary'), output: plain, codeCache: false });
  const arm64 = join(root, 'dist/linux-arm64/bro-osquery.ext');
  const qemu = join(root, '.cache/arm64/qemu-aarch64-static');
  const emulated = [qemu, '-L', join(root, '.cache/arm64/root'), arm64];
  return [
    { name: `linux-${process.arch}`, file: binary, program: [binary] },
    { name: `linux-${process.arch} without code cache`, file: plain, program: [plain] },
    ...(existsSync(arm64) && existsSync(qemu)
      ? [{ name: 'linux-arm64 (qemu)', file: arm64, program: emulated }]
      : []),
  ];
}

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

async function measure(
  { program: [command = '', ...first], name }: Build,
  manager: ManagerClient,
): Promise<Measured> {
  const starts: number[] = [];
  let resting: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    const state = join(directory, `${name.replaceAll(/\W+/g, '-')}-${round}`);
    const started = performance.now();
    const extension = spawn(command, [...first, 'extension', '--socket', socket, '--state-dir', state], {
      stdio: 'ignore',
      env: {},
      cwd: '/',
    });
    await until(async () => (await manager.extensions()).size === 1);
    starts.push(performance.now() - started);
    await sleep(1_000);
    resting = memory(extension);
    extension.kill('SIGTERM');
    await until(async () => (await manager.extensions()).size === 0);
  }
  return { starts: starts.sort((one, other) => one - other), resting };
}

function print(label: string, value: string): void {
  process.stdout.write(`${label.padEnd(28)}${value}\n`);
}

const mebibytes = (path: string) => `${(statSync(path).size / 2 ** 20).toFixed(0)} MiB`;

const all = builds();
for (const { file } of all) execFileSync('sync', [file]);
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
  let medianOfFirst: number | undefined;
  for (const build of all) {
    const { starts, resting } = await measure(build, manager);
    const median = starts[Math.floor(ROUNDS / 2)] ?? Number.POSITIVE_INFINITY;
    medianOfFirst ??= median;
    process.stdout.write(`${build.name}\n`);
    print('  size', mebibytes(build.file));
    print('  start to registration', starts.map((time) => `${time.toFixed(0)} ms`).join(', '));
    if (median !== medianOfFirst)
      print('  compared with the first', `${(median / medianOfFirst).toFixed(1)} times`);
    for (const [name, kib] of Object.entries(resting)) {
      print(`  at rest, ${name}`, `${(kib / 1024).toFixed(1)} MiB`);
    }
  }
  manager.close();
  for (const { name, file } of TARGETS) {
    const built = join(root, '.cache/release', name, file);
    const ran = all.some((one) => one.name.startsWith(name));
    if (existsSync(built) && !ran) print(name, `${mebibytes(built)}, not run here`);
  }
  if ((medianOfFirst ?? 0) > LONGEST_START) {
    process.stdout.write(`the start takes longer than ${LONGEST_START} ms\n`);
    process.exitCode = 1;
  }
} finally {
  osqueryd.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}
