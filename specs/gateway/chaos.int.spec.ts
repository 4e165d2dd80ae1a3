import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { SimulationReport } from '../../src/cli/simulate/report.ts';
import { startBro, type TestBro } from '../support/bro.ts';
import { eventually } from '../support/eventually.ts';
import { SeededRandom } from '../support/random.ts';
import { assertWhole } from '../support/simulated-fleet.ts';

/** Rounds of something being killed, stopped or cut off: few here, many with `make chaos-gateway`. */
const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 5);
const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const HOSTS = Number(process.env['CHAOS_HOSTS'] ?? 30);

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const SQL = 'SELECT pid, name FROM processes';

type Running = ChildProcess & { text: string };

function program(t: TestContext, args: readonly string[]): Running {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const running = Object.assign(child, { text: '' });
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (running.text += chunk));
  t.after(() => void child.kill('SIGKILL'));
  return running;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

test(`whatever dies between hosts and Zeek, no row is lost or invented, and the order holds (seed ${SEED})`, async (t) => {
  const random = new SeededRandom(SEED);
  const directory = mkdtempSync(join(tmpdir(), 'gateway-chaos-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const lives: TestBro[] = [];
  const zeek = () => {
    const last = lives.at(-1);
    assert(last);
    return last;
  };
  const startZeek = async () => {
    const before = lives.at(-1);
    const { port, endpointId } = before ?? {};
    const same = before ? { port: port ?? 0, endpointId: endpointId ?? '' } : {};
    const bro = await startBro(t, { ...same, packageVersion: '1.0.0' });
    bro.subscribe(SQL);
    lives.push(bro);
  };
  await startZeek();
  const ports = [await freePort(), await freePort()];
  const gateways: Running[] = [];
  const startGateway = (at: number) => {
    gateways[at] = program(t, [
      ...['gateway', '--zeek', zeek().address, '--listen', `broker://127.0.0.1:${ports[at]}`],
      ...['--name', `gateway-${at}`, '--state-dir', join(directory, String(at))],
    ]);
  };
  startGateway(0);
  startGateway(1);
  for (const gateway of gateways)
    await eventually('a gateway listens', () => gateway.text.includes('listens for hosts'), 60_000);
  const simulation = program(t, [
    ...[
      'simulate',
      '--hosts',
      String(HOSTS),
      '--rows-per-minute',
      '600',
      '--run-interval',
      '0.5',
      '--duration',
      '1000000',
    ],
    ...['--drain', '240', '--churn', '100', '--vocabulary', 'zeek-osquery'],
    ...ports.flatMap((port) => ['--endpoint', `broker://127.0.0.1:${port}`]),
  ]);
  const rows = () => lives.reduce((sum, bro) => sum + bro.rows().length, 0);
  await eventually('rows come', () => rows() > HOSTS, 60_000);
  for (let round = 0; round < ROUNDS; round += 1) {
    const at = random.between(0, 1);
    const gateway = gateways[at];
    switch (random.pick(['kill-gateway', 'stop-gateway', 'kill-zeek', 'end-gateway'] as const)) {
      case 'kill-gateway':
        gateway?.kill('SIGKILL');
        startGateway(at);
        break;
      case 'end-gateway':
        gateway?.kill('SIGTERM');
        if (gateway && gateway.exitCode === null) await once(gateway, 'exit');
        startGateway(at);
        break;
      case 'stop-gateway':
        gateway?.kill('SIGSTOP');
        await pause(random.between(100, 2_000));
        gateway?.kill('SIGCONT');
        break;
      case 'kill-zeek':
        await zeek().kill();
        await startZeek();
        break;
      default:
    }
    const before = rows();
    await eventually('rows come again', () => rows() > before + HOSTS, 120_000);
  }
  simulation.kill('SIGINT');
  await once(simulation, 'close');
  const line = simulation.text.split('\n').find((text) => text.startsWith('{'));
  assert(line, simulation.text);
  const report: SimulationReport = JSON.parse(line);
  t.diagnostic(
    `${report.rows.created} rows, ${report.rows.resent} sent again, ${report.hosts.reconnects} reconnects`,
  );
  assertWhole(report, ...lives);
});
