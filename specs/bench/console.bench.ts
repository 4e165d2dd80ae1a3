import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEndpointAddress } from '../../src/broker/address.ts';
import type { BrokerAddress } from '../../src/broker/endpoint-connection.ts';
import { Answers } from '../../src/console/answers.ts';
import { ConsoleSession } from '../../src/console/session-client.ts';
import { eventually } from '../support/eventually.ts';

/**
 * Simulated hosts behind one gateway answer a console's query, a tenth of them stays silent: time to the first and the last
 * row, CPU and memory of the console and of the Zeek's stand-in, and whether the console's account is true. Each a process of
 * its own. BENCH_HOSTS (for example 1000,10000), BENCH_TIMEOUT (seconds that the query waits).
 */
const HOSTS = (process.env['BENCH_HOSTS'] ?? '1000,10000').split(',').map(Number);
const TIMEOUT = Number(process.env['BENCH_TIMEOUT'] ?? 30);

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

function program(args: readonly string[]): ChildProcess & { text: string } {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const running = Object.assign(child, { text: '' });
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (running.text += chunk));
  return running;
}

/** The most memory that a process has had, in MiB. */
function peakMemory(pid: number | undefined): number {
  const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kib) / 1024);
}

/** Seconds of CPU that a process has used. */
function cpuOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function listening(child: { readonly text: string }, pattern: RegExp): Promise<string> {
  await eventually(String(pattern), () => pattern.test(child.text), 60_000);
  return pattern.exec(child.text)?.[1] ?? '';
}

const SQL = 'SELECT pid, name, path, uid FROM processes';

/** Seconds from the question to the first and the last row, and how far the bar was meanwhile at the most. */
async function askHere(session: ConsoleSession, hosts: number): Promise<string> {
  const answers = new Answers();
  const startedAt = performance.now();
  let [first, last, atMost, early] = [0, 0, 0, 0];
  const settled = Promise.withResolvers<void>();
  const none = { hosts: [], groups: [], subnets: [], interval: 0, updateType: 'BOTH', maxRows: 0 } as const;
  const asked = session.ask({ ...none, sql: SQL, timeout: TIMEOUT * 1_000 }, (item) => {
    if (answers.take(item)) {
      first ||= performance.now() - startedAt;
      last = performance.now() - startedAt;
    }
    const { answered, silent, isComplete, isAsked } = answers.counts;
    if (isAsked) atMost = Math.max(atMost, answered);
    if (isComplete) early += 1;
    if (item.kind === 'ended' || (isAsked && silent === hosts / 10)) settled.resolve();
  });
  await settled.promise;
  asked.stop();
  const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(2);
  const account = `${atMost} of ${hosts} answered at the most, ${early === 0 ? 'never' : 'WRONGLY'} called complete`;
  return `first row after ${seconds(first)} s, last after ${seconds(last)} s, ${answers.counts.rows} rows; ${account}`;
}

/** The same by the command, for its memory and its words. */
async function askByCommand(address: string, hosts: number): Promise<string> {
  const words = ['--zeek', address, '--ndjson', '--timeout', String(TIMEOUT)];
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'query', ...words, SQL], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [errors, rows, peak, cpu] = ['', 0, 0, 0];
  child.stderr.on('data', (chunk) => (errors += chunk));
  child.stdout.on('data', (chunk: Buffer) => {
    for (const byte of chunk) if (byte === 10) rows += 1;
  });
  const watching = setInterval(() => {
    peak = peakMemory(child.pid) || peak;
    cpu = cpuOf(child.pid) || cpu;
  }, 200);
  const [code] = await once(child, 'close');
  clearInterval(watching);
  const silent = hosts / 10;
  const isTrue =
    code === 3 &&
    rows === (hosts - silent) * 5 &&
    errors.includes(`${hosts - silent} answered, ${silent} silent`);
  return `the command: ${peak} MiB, ${cpu.toFixed(1)} s of CPU; ${rows} rows; its account is ${isTrue ? 'true' : `WRONG: ${errors}`}`;
}

for (const hosts of HOSTS) {
  const directory = mkdtempSync(join(tmpdir(), 'console-bench-'));
  const zeek = program(['bro', '--listen', 'broker://127.0.0.1:0', '--console', '127.0.0.1:0']);
  const children = [zeek];
  try {
    const consoles = await listening(zeek, /listening on (\S+) for consoles/);
    const forHosts = await listening(zeek, /listening on (\S+) for hosts/);
    const gateway = program([
      ...['gateway', '--zeek', forHosts, '--listen', 'broker://127.0.0.1:0', '--state-dir', directory],
    ]);
    children.push(gateway);
    const address = await listening(gateway, /listens for hosts on (\S+)"/);
    children.push(
      program([
        ...['simulate', '--hosts', String(hosts), '--endpoint', address, '--vocabulary', 'zeek-osquery'],
        ...['--rows-per-minute', '0', '--duration', '1000000', '--connects-per-second', '500'],
        ...['--ignore-queries', String(hosts / 10)],
      ]),
    );
    const { session } = await ConsoleSession.open({
      address: parseEndpointAddress(consoles) as BrokerAddress,
      ...{ tls: {}, user: 'bench', version: '0', topicPrefix: '/bro/osquery', onProblem: () => {} },
      randomId: () => crypto.randomUUID(),
    });
    const known = async () => (await session.hosts()).filter(({ version }) => version !== '').length;
    await eventually('all hosts are there', async () => (await known().catch(() => 0)) >= hosts, 1_200_000);
    const startedAt = performance.now();
    await session.hosts();
    const listed = (performance.now() - startedAt) / 1000;
    const before = cpuOf(zeek.pid);
    const lines = [
      `${hosts} hosts: ${await askHere(session, hosts)}`,
      `the list of hosts takes ${listed.toFixed(2)} s; Zeek's stand-in ${peakMemory(zeek.pid)} MiB, ${(cpuOf(zeek.pid) - before).toFixed(1)} s of CPU; gateway ${peakMemory(gateway.pid)} MiB`,
      await askByCommand(consoles, hosts),
    ];
    process.stdout.write(`${lines.join('\n  ')}\n`);
    session.destroy();
  } finally {
    for (const child of children.toReversed()) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}
process.exit(0);
