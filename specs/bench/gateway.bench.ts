import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GatewayReport } from '../../src/cli/gateway/report.ts';
import type { SimulationReport } from '../../src/cli/simulate/report.ts';
import { fetchReport } from '../../src/cli/status/status-client.ts';
import { startCountingZeek } from '../support/counting-zeek.ts';
import { eventually } from '../support/eventually.ts';

/**
 * Simulated hosts at one gateway before a Zeek's stand-in that only counts, each a process of its own: rows a second
 * until confirmed, lag, memory, and CPU of the gateway, to show how they grow with the hosts; and how long they take to be back after the
 * gateway was killed. BENCH_HOSTS (for example
 * 1000,3000,10000), BENCH_RATE (rows a second that are offered), BENCH_SECONDS, BENCH_SCHEME (broker:// or brokers://).
 */
const HOSTS = (process.env['BENCH_HOSTS'] ?? '1000,3000,10000').split(',').map(Number);
const RATE = Number(process.env['BENCH_RATE'] ?? 20_000);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 20);
const SCHEME = process.env['BENCH_SCHEME'] ?? 'broker://';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

function program(args: readonly string[]): ChildProcess & { text: string } {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const running = Object.assign(child, { text: '' });
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (running.text += chunk));
  return running;
}

/** Seconds of CPU that a process has used. */
function cpuOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function measure(hosts: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
  const zeek = await startCountingZeek();
  const startGateway = (port: string) =>
    program([
      ...[
        'gateway',
        '--zeek',
        zeek.address,
        '--listen',
        `${SCHEME}127.0.0.1:${port}`,
        '--state-dir',
        directory,
      ],
    ]);
  let gateway = startGateway('0');
  try {
    const address = () => /listens for hosts on (\S+)"/.exec(gateway.text)?.[1];
    await eventually('the gateway listens', () => address() !== undefined);
    const report = async () => (await fetchReport(join(directory, 'status.sock'))) as GatewayReport;
    const idle = (await report()).memory_bytes;
    const startedAt = Date.now();
    const simulation = program([
      ...[
        'simulate',
        '--hosts',
        String(hosts),
        '--endpoint',
        address() ?? '',
        '--vocabulary',
        'zeek-osquery',
      ],
      ...['--rows-per-minute', String((RATE * 60) / hosts), '--duration', '1000000'],
      ...['--connects-per-second', '500', '--drain', '60'],
    ]);
    await eventually(
      'all hosts are up',
      async () => (await report().catch(() => undefined))?.hosts === hosts,
      600_000,
    );
    const upAfter = (Date.now() - startedAt) / 1000;
    const before = { at: Date.now(), cpu: cpuOf(gateway.pid), rows: zeek.rows };
    const peak = { memory: 0 };
    const watching = setInterval(async () => {
      peak.memory = Math.max(peak.memory, (await report().catch(() => undefined))?.memory_bytes ?? 0);
    }, 500);
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
    const seconds = (Date.now() - before.at) / 1000;
    const rows = zeek.rows - before.rows;
    const cpu = cpuOf(gateway.pid) - before.cpu;
    gateway.kill('SIGKILL');
    const killedAt = Date.now();
    gateway = startGateway(/:(\d+)$/.exec(address() ?? '')?.[1] ?? '0');
    await eventually(
      'all hosts are back',
      async () => (await report().catch(() => undefined))?.hosts === hosts,
      600_000,
    );
    const backAfter = (Date.now() - killedAt) / 1000;
    simulation.kill('SIGINT');
    await once(simulation, 'close');
    clearInterval(watching);
    const told = JSON.parse(simulation.text.split('\n').find((line) => line.startsWith('{')) ?? '{}');
    const { rows: sent, lag_ms: lag, memory_bytes: memory } = told as SimulationReport;
    const perHost = (bytes: number) => `${(bytes / hosts / 1024).toFixed(1)} KiB a host`;
    process.stdout.write(
      `${hosts} hosts, up after ${upAfter.toFixed(0)} s: ${Math.round(rows / seconds)} rows/s of ${RATE} offered, lag p50 ${lag?.p50} ms, p99 ${lag?.p99} ms, ` +
        `${sent.unconfirmed} unconfirmed; gateway ${(peak.memory / 1024 ** 2).toFixed(0)} MiB (${perHost(peak.memory - idle)}), ` +
        `${((cpu / seconds) * 100).toFixed(0)} % of a core, ${((cpu / rows) * 1e6).toFixed(1)} µs a row; ` +
        `simulate ${perHost(memory)}; the gateway killed: all back after ${backAfter.toFixed(0)} s\n`,
    );
  } finally {
    gateway.kill('SIGKILL');
    zeek.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

for (const hosts of HOSTS) await measure(hosts);
process.exit(0);
