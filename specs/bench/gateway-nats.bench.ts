import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GatewayReport } from '../../src/cli/gateway/report.ts';
import type { SimulationReport } from '../../src/cli/simulate/report.ts';
import { fetchReport } from '../../src/cli/status/status-client.ts';
import { startCountingZeek } from '../support/counting-zeek.ts';
import { eventually } from '../support/eventually.ts';
import { runNatsServer } from '../support/nats-server.ts';
import { type RunningProgram, runProgram } from '../support/program.ts';

/**
 * Simulated hosts at a nats-server with one gateway and with three, before a Zeek's stand-in that only counts, each a
 * process of its own: rows a second at the Zeek, lag until the stream keeps a row, CPU and memory of gateways and
 * nats-server. BENCH_HOSTS, BENCH_GATEWAYS, BENCH_RATE (rows a second that are offered), BENCH_SECONDS.
 */
const HOSTS = (process.env['BENCH_HOSTS'] ?? '1000,3000,10000').split(',').map(Number);
const GATEWAYS = (process.env['BENCH_GATEWAYS'] ?? '1,3').split(',').map(Number);
const RATE = Number(process.env['BENCH_RATE'] ?? 20_000);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 20);
/** Hosts of one process that simulates: each connection to NATS is a client of its own. */
const HOSTS_A_PROCESS = 2_500;

/** Seconds of CPU that a process has used, and bytes that it holds. */
function costOf(pid: number | undefined): { readonly cpu: number; readonly memory: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, memory: pages * 4096 };
}

const mebibytes = (bytes: number) => `${(bytes / 1024 ** 2).toFixed(0)} MiB`;

async function measure(hosts: number, gateways: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'gateway-nats-bench-'));
  const zeek = await startCountingZeek();
  const server = await runNatsServer({ jetstream: true });
  const programs: RunningProgram[] = [];
  const start = (args: readonly string[]) => {
    const program = runProgram(args);
    programs.push(program);
    return program;
  };
  try {
    const running = Array.from({ length: gateways }, (_, at) =>
      start([
        ...['gateway', '--zeek', zeek.address, '--nats', server.url],
        ...['--name', `gateway-${at}`, '--state-dir', join(directory, String(at))],
      ]),
    );
    const reports = () =>
      Promise.all(
        running.map(
          async (_, at) => (await fetchReport(join(directory, String(at), 'status.sock'))) as GatewayReport,
        ),
      );
    const share = 16 / gateways;
    await eventually(
      'each gateway has its share',
      async () =>
        (await reports().catch(() => [])).filter(
          ({ nats }) => (nats?.partitions.length ?? 0) >= Math.floor(share) - 1,
        ).length === gateways,
      120_000,
    );
    const startedAt = Date.now();
    const parts = Math.ceil(hosts / HOSTS_A_PROCESS);
    const simulations = Array.from({ length: parts }, (_, at) =>
      start([
        ...['simulate', '--hosts', String(Math.ceil(hosts / parts)), '--endpoint', server.url],
        ...['--id-prefix', `sim${at}`, '--vocabulary', 'zeek-osquery', '--nats-jetstream', 'use'],
        ...['--rows-per-minute', String((RATE * 60) / hosts), '--duration', '1000000'],
        ...['--connects-per-second', String(Math.ceil(300 / parts)), '--drain', '60'],
      ]),
    );
    const up = async () => (await reports()).reduce((sum, report) => sum + report.hosts, 0);
    await eventually('all hosts are up', async () => (await up()) >= hosts, 900_000);
    const upAfter = (Date.now() - startedAt) / 1000;
    const before = { at: Date.now(), rows: zeek.rows };
    const pids = [...running.map(({ pid }) => pid), server.pid];
    const costs = pids.map(costOf);
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
    const seconds = (Date.now() - before.at) / 1000;
    const rows = zeek.rows - before.rows;
    const spent = pids
      .map(costOf)
      .map(({ cpu, memory }, at) => ({ cpu: cpu - (costs[at]?.cpu ?? 0), memory }));
    const ofServer = spent.pop();
    const cpu = spent.reduce((sum, one) => sum + one.cpu, 0);
    for (const simulation of simulations) simulation.kill('SIGINT');
    await Promise.all(simulations.map((simulation) => once(simulation, 'close')));
    const told = simulations.map(
      ({ text }) =>
        JSON.parse(text.split('\n').find((line) => line.startsWith('{')) ?? '{}') as SimulationReport,
    );
    const lag = told
      .map(({ lag_ms }) => lag_ms)
      .sort((a, b) => (a?.p99 ?? 0) - (b?.p99 ?? 0))
      .at(-1);
    const unconfirmed = told.reduce((sum, one) => sum + one.rows.unconfirmed, 0);
    const created = told.reduce((sum, one) => sum + one.rows.created, 0);
    await eventually('the Zeek has them all', () => zeek.rows >= created, 120_000).catch(() => {});
    process.stdout.write(
      `${hosts} hosts, ${gateways} gateways, up after ${upAfter.toFixed(0)} s: ${Math.round(rows / seconds)} rows/s of ${RATE} offered at the Zeek, ` +
        `lag until kept p50 ${lag?.p50} ms, p99 ${lag?.p99} ms, ${unconfirmed} unconfirmed, ${created} made and ${zeek.rows} at the Zeek; ` +
        `gateways ${spent.map(({ memory }) => mebibytes(memory)).join(', ')}, ${((cpu / seconds) * 100).toFixed(0)} % of a core, ${((cpu / rows) * 1e6).toFixed(1)} µs a row; ` +
        `nats-server ${mebibytes(ofServer?.memory ?? 0)}, ${(((ofServer?.cpu ?? 0) / seconds) * 100).toFixed(0)} % of a core\n`,
    );
  } finally {
    for (const program of programs) program.kill('SIGKILL');
    zeek.close();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

for (const hosts of HOSTS) for (const gateways of GATEWAYS) await measure(hosts, gateways);
process.exit(0);
