/**
 * How long osquery waits for the answer to a log call, with the Zeek healthy, slow, absent, and back again, when all
 * that was kept for it goes out at full speed: the binary as a process, calls made as osqueryd makes them (each
 * message over a connection of its own, one after another), and a Zeek's place taken by another process. The moods
 * take turns, so that the machine's own are shared. A real Zeek is on another machine and takes no time of this one's
 * processors: so the binary has one for itself where there are two.
 * `node --import tsx specs/bench/log-call.bench.ts`
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createManagerClient } from '../../src/osquery/manager-client.ts';
import { batchLine } from '../support/delivery-harness.ts';
import { HostProcesses } from '../support/host-processes.ts';

const SQL = "SELECT 1 AS n, 'text' AS text WHERE 0";
const ID = '5b1d3c52-6c1b-4c07-9d2c-0a53d2b7a9f1';
const ROUNDS = 4;
const CALLS = 500;
/** Milliseconds of each tenth of a second in which a slow Zeek is at work. */
const AWAKE = 10;

const say = (text: string) => process.stdout.write(`${text}\n`);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

/** A Zeek as a process: killed when it is to be absent, stopped most of the time when it is to be slow. */
class Zeek {
  readonly #port: number;
  #process: ChildProcess | undefined;
  #naps: NodeJS.Timeout | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  async be(mood: Mood): Promise<void> {
    clearInterval(this.#naps);
    if (mood === 'absent') return this.kill();
    if (!this.#process) {
      // One that has merely been away: as another its subscription would begin anew under another name.
      const words = [
        '--id',
        ID,
        '--listen',
        `127.0.0.1:${this.#port}`,
        '--subscribe',
        SQL,
        '--interval',
        '3600',
      ];
      const main = join(import.meta.dirname, '../../src/cli/main.ts');
      this.#process = spawn(process.execPath, ['--import', 'tsx', main, 'bro', ...words], {
        stdio: 'ignore',
      });
    }
    this.#process.kill('SIGCONT');
    if (mood !== 'slow') return;
    this.#naps = setInterval(() => {
      this.#process?.kill('SIGCONT');
      setTimeout(() => this.#process?.kill('SIGSTOP'), AWAKE);
    }, 100);
  }

  async kill(): Promise<void> {
    clearInterval(this.#naps);
    const child = this.#process;
    this.#process = undefined;
    if (!child) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

const MOODS = ['healthy', 'slow', 'absent', 'back'] as const;
type Mood = (typeof MOODS)[number];

function line(name: string, rows: number): string {
  const added = Array.from({ length: rows }, (_, n) => String(n));
  return batchLine(name, { added })
    .toString()
    .replaceAll('"}', '","text":"some text of a usual length, as a path"}');
}

/** One ping and one call, each over a connection of its own. @returns milliseconds of the call */
async function logCall(path: string, text: string): Promise<number> {
  const ping = createManagerClient({ path });
  await ping.ping();
  ping.close();
  const client = createManagerClient({ path });
  const from = performance.now();
  const { status } = await client.call('logger', 'bro', { string: text, category: 'event' });
  const took = performance.now() - from;
  client.close();
  if (status.code !== 0) throw new Error(`the log call was answered ${status.code} ${status.message}`);
  return took;
}

function percentiles(samples: readonly number[]): string {
  const sorted = samples.toSorted((one, other) => one - other);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2).padStart(7);
  return `p50 ${at(0.5)} ms  p90 ${at(0.9)} ms  p99 ${at(0.99)} ms  longest ${at(1)} ms`;
}

const port = await freePort();
const peer = `127.0.0.1:${port}`;
const zeek = new Zeek(port);
const binary = join(import.meta.dirname, '../../dist/bro-osquery.ext');
const isPinned =
  availableParallelism() > 1 && spawnSync('taskset', ['-cp', '1', String(process.pid)]).status === 0;
const host = await HostProcesses.create({
  bro: { bro_endpoint: peer, uid: 'h1' },
  program: [binary],
  ...(isPinned && { wrapper: ['taskset', '-c', '0'] }),
});
try {
  await host.startOsqueryd();
  await zeek.be('healthy');
  host.startExtension();
  const [name = ''] = await host.names([{ peer, sql: SQL }]);
  const path = await host.extensionSocket();
  for (let call = 0; call < 500; call += 1) await logCall(path, line(name, 10));
  const samples = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const mood of MOODS) {
      await zeek.be(mood);
      await host.untilReported(`the Zeek is ${mood}`, ({ bros: [bro], delivery: [counts] }) => {
        if (mood === 'absent') return bro?.state !== 'linked.peered';
        return bro?.state === 'linked.peered' && (mood !== 'healthy' || counts?.pending === 0);
      });
      for (const rows of [10, 1000]) {
        const text = line(name, rows);
        const own = samples.get(`${mood} ${rows}`) ?? [];
        samples.set(`${mood} ${rows}`, own);
        for (let call = 0; call < (rows === 10 ? CALLS : CALLS / 10); call += 1) {
          own.push(await logCall(path, text));
          await pause(1);
        }
      }
    }
  }
  for (const rows of [10, 1000]) {
    for (const mood of MOODS) {
      const own = samples.get(`${mood} ${rows}`) ?? [];
      say(
        `log call of ${String(rows).padStart(4)} rows, the Zeek ${mood.padEnd(7)}  ${percentiles(own)}  (${own.length} calls)`,
      );
    }
  }
  const report = await host.report();
  say(
    `journal ${((report?.journal.bytes ?? 0) / 2 ** 20).toFixed(0)} MiB, ${report?.delivery[0]?.taken} rows taken, ${report?.delivery[0]?.pending} pending`,
  );
} finally {
  await zeek.kill();
  await host.close();
}
