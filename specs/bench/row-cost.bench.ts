/**
 * What a row and a log call cost the host: processor time of the binary as a process, in all its threads, until the
 * Zeek has confirmed all. Calls are made as osqueryd makes them: a ping and a call, each over a connection of its own,
 * one after another. Zeeks' places are taken by another process. Beside it what `JSON.parse` takes for the same lines,
 * in this process and in the same run, as a measure of the machine. `ROW_COST=tcp,tls,…` for some of the measurements,
 * `ROW_COST_SIZES=1,100` for some sizes of lines, `ROW_COST_PROGRAM="node --import tsx src/cli/main.ts"` for another
 * program than the binary: with `--cpu-prof` among its words it writes a profile when it ends.
 * `node --import tsx specs/bench/row-cost.bench.ts`
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { HostProcesses } from '../support/host-processes.ts';
import { logCall, logCallBytes } from '../support/log-caller.ts';
import { natsServerProgram, runNatsServer } from '../support/nats-server.ts';
import { batchOf, eventsOf, PROCESSES, ROW_KINDS, type RowKind } from '../support/realistic-rows.ts';
import { ZeekProcess } from '../support/zeek-process.ts';

/** Calls by rows of a line. */
const CALLS = new Map([
  [1, 1_000],
  [10, 600],
  [100, 300],
  [1_000, 60],
  [10_000, 8],
]);
/** Of these the cheapest counts: what else the machine does only adds. */
const ROUNDS = 3;
const PACED_SECONDS = 5;
/** Milliseconds that rows may take from the Zeek's hands to be confirmed; resting costs little. */
const SETTLING = 250;

const chosen = process.env['ROW_COST']?.split(',');
const isChosen = (name: string) => chosen === undefined || chosen.includes(name);
const program = process.env['ROW_COST_PROGRAM']?.split(' ') ?? [
  join(import.meta.dirname, '../../dist/bro-osquery.ext'),
];
const say = (text: string) => process.stdout.write(`${text}\n`);

/** Microseconds of processor time of all threads. */
function cpuOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const spent = (thread: string) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  return threads.reduce((sum, thread) => sum + spent(thread), 0) / 1_000;
}

function anonymousMebibytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Anonymous:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
}

/** Microseconds that `JSON.parse` takes for such a payload. */
function parseCost(payload: Uint8Array): number {
  const text = Buffer.from(payload).toString();
  const parse = (times: number) => {
    const from = process.cpuUsage();
    for (let n = 0; n < times; n += 1) JSON.parse(text);
    const { user, system } = process.cpuUsage(from);
    return (user + system) / times;
  };
  const times = Math.ceil(8_000_000 / text.length);
  parse(times);
  return parse(times);
}

function p99(samples: readonly number[]): string {
  const sorted = samples.toSorted((one, other) => one - other);
  return (sorted[Math.floor(sorted.length * 0.99)] ?? 0).toFixed(2);
}

interface Scene {
  readonly host: HostProcesses;
  readonly zeeks: ZeekProcess;
  readonly pid: number;
  readonly path: string;
  /** Names of the queries in osquery's schedule, by Zeek and then as they were given. */
  readonly names: readonly string[];
  /** Rows handed over so far. */
  handed: number;
}

async function withScene(
  order: { readonly address: string; readonly zeeks?: number; readonly queries?: readonly string[] },
  work: (scene: Scene) => Promise<void>,
): Promise<void> {
  const { address, zeeks: count = 1, queries = [PROCESSES.sql] } = order;
  const zeeks = await ZeekProcess.start({ address, zeeks: count, queries });
  const limits = { subscriptions: 1_000, requests_per_minute: 10_000 };
  const host = await HostProcesses.create({
    bro: { endpoints: zeeks.addresses, uid: 'h1', limits },
    program,
  });
  try {
    await host.startOsqueryd();
    host.startExtension();
    const wanted = zeeks.addresses.flatMap((peer) =>
      queries.map((sql) => ({ peer: spelt(peer), sql: clip(sql) })),
    );
    const names = await host.names(wanted);
    const path = await host.extensionSocket();
    await work({ host, zeeks, pid: host.extensionPid ?? 0, path, names, handed: 0 });
  } finally {
    // What profiles it writes them when it ends in good order.
    if (program.some((word) => word.startsWith('--cpu-prof'))) {
      host.signal('extension', 'SIGTERM');
      await pause(3_000);
    }
    zeeks.kill();
    await host.close();
  }
}

/** As the report has it. */
const spelt = (address: string) => (address.startsWith('ws') ? `${address}/v1/messages/json` : address);
const clip = (sql: string) => sql.slice(0, 200);

/** Makes the calls, and waits until all rows are confirmed. @returns microseconds of CPU, and each answer's time */
async function measure(
  scene: Scene,
  calls: readonly { readonly bytes: Buffer; readonly rows: number }[],
): Promise<{ readonly cpu: number; readonly rows: number; readonly answers: readonly number[] }> {
  const from = cpuOf(scene.pid);
  const answers: number[] = [];
  let rows = 0;
  for (const { bytes, rows: more } of calls) {
    answers.push(await logCall(scene.path, bytes));
    rows += more;
  }
  scene.handed += rows;
  await scene.zeeks.untilRows(scene.handed);
  await pause(SETTLING);
  const cpu = cpuOf(scene.pid) - from;
  await scene.host.untilReported('all is confirmed', ({ delivery }) =>
    delivery.every(({ pending }) => pending === 0),
  );
  return { cpu, rows, answers };
}

interface Line {
  readonly payload: Uint8Array;
  readonly rows: number;
  readonly key?: 'string_batch';
}

function row(
  label: string,
  cpu: number,
  rows: number,
  calls: number,
  parse: number,
  answers: readonly number[],
): void {
  const perRow = cpu / rows;
  const cells = [
    label.padEnd(34),
    perRow.toFixed(2).padStart(9),
    (cpu / calls).toFixed(0).padStart(9),
    parse.toFixed(2).padStart(8),
    (perRow / parse).toFixed(1).padStart(8),
    p99(answers).padStart(9),
  ];
  say(cells.join(' '));
}

function headline(title: string): void {
  say(`\n${title}`);
  const cells = ['µs a row', 'µs a call', 'parse', 'ratio', 'p99 ms'].map((name, at) =>
    name.padStart([9, 9, 8, 8, 9][at] ?? 0),
  );
  say(`${''.padEnd(34)} ${cells.join(' ')}`);
}

/** Measures lines that take turns between queries, as many calls as is usual for such lines. */
async function lines(scene: Scene, label: string, all: readonly Line[], calls: number): Promise<void> {
  const [first] = all;
  if (!first) return;
  const frames = all.map(({ payload, rows, key }) => ({
    bytes: logCallBytes(key ?? 'string', payload),
    rows,
  }));
  const many = (count: number) =>
    Array.from({ length: count }, (_, n) => frames[n % frames.length] ?? { bytes: Buffer.alloc(0), rows: 0 });
  await measure(scene, many(Math.ceil(calls / 4)));
  let best: Awaited<ReturnType<typeof measure>> | undefined;
  const answers: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const one = await measure(scene, many(calls));
    answers.push(...one.answers);
    if (!best || one.cpu < best.cpu) best = one;
  }
  if (best) row(label, best.cpu, best.rows, calls, parseCost(first.payload) / first.rows, answers);
}

const batches = (scene: Scene, kind: RowKind, rows: number): Line[] =>
  scene.names.map((name) => ({ payload: batchOf(name, kind, rows), rows }));

const chosenSizes = process.env['ROW_COST_SIZES']?.split(',').map(Number);

async function bySize(scene: Scene, sizes: Iterable<number>): Promise<void> {
  for (const size of sizes)
    if (chosenSizes?.includes(size) ?? true)
      await lines(
        scene,
        `batch form, lines of ${size}`,
        batches(scene, PROCESSES, size),
        CALLS.get(size) ?? 1,
      );
}

async function eventForm(scene: Scene): Promise<void> {
  const [name = ''] = scene.names;
  const single = eventsOf(name, PROCESSES, 1).map((payload): Line => ({ payload, rows: 1 }));
  await lines(scene, 'event form, a row a call', single, CALLS.get(1) ?? 1);
  for (const size of [100, 1_000]) {
    const payload = Buffer.from(`[${eventsOf(name, PROCESSES, size).join(',')}]`);
    await lines(
      scene,
      `event form, ${size} rows a call`,
      [{ payload, rows: size, key: 'string_batch' }],
      CALLS.get(size) ?? 1,
    );
  }
}

/** So many calls of one row a second, for some seconds. */
async function paced(scene: Scene, perSecond: number): Promise<void> {
  const frames = batches(scene, PROCESSES, 1).map(({ payload }) => logCallBytes('string', payload));
  const from = cpuOf(scene.pid);
  const start = performance.now();
  const answers: number[] = [];
  const calls = perSecond * PACED_SECONDS;
  for (let n = 0; n < calls; n += 1) {
    const due = start + (n * 1_000) / perSecond;
    if (due > performance.now() + 1) await pause(due - performance.now());
    answers.push(await logCall(scene.path, frames[n % frames.length] ?? Buffer.alloc(0)));
  }
  const took = (performance.now() - start) / 1_000;
  scene.handed += calls;
  await scene.zeeks.untilRows(scene.handed);
  await pause(SETTLING);
  const cpu = cpuOf(scene.pid) - from;
  say(
    `${`${perSecond} calls/s of one row`.padEnd(34)} ${(cpu / calls).toFixed(0).padStart(9)} µs a row all in all, ${(cpu / took / 10_000).toFixed(1)} % of a core; ${(calls / took).toFixed(0)} calls/s were made, answers p99 ${p99(answers)} ms`,
  );
}

/** As many calls as compile what is used often. */
async function warmUp(scene: Scene): Promise<void> {
  const frames = batches(scene, PROCESSES, 1).map(({ payload }) => logCallBytes('string', payload));
  const calls = Array.from({ length: 3_000 }, (_, n) => frames[n % frames.length] ?? Buffer.alloc(0));
  await measure(
    scene,
    calls.map((bytes) => ({ bytes, rows: 1 })),
  );
}

async function atRest({ pid }: Scene): Promise<void> {
  await pause(3_000);
  const from = cpuOf(pid);
  await pause(5_000);
  say(
    `${'at rest'.padEnd(34)} ${((cpuOf(pid) - from) / 5_000).toFixed(2)} ms of CPU a second, ${anonymousMebibytes(pid).toFixed(1)} MiB of its own`,
  );
}

/** What such calls cost a program that only answers them. */
async function floor(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'floor-'));
  const path = join(directory, 'socket');
  const child = fork(join(import.meta.dirname, '../support/answering-child.ts'), [path], {
    execArgv: ['--import', 'tsx', '--max-semi-space-size=2'],
  });
  try {
    await once(child, 'message');
    const pid = child.pid ?? 0;
    const bytes = logCallBytes('string', batchOf('floor', PROCESSES, 1));
    const burst = async (calls: number) => {
      const from = cpuOf(pid);
      for (let n = 0; n < calls; n += 1) await logCall(path, bytes);
      return (cpuOf(pid) - from) / calls;
    };
    await burst(2_000);
    const costs = [await burst(1_000), await burst(1_000), await burst(1_000)];
    const from = cpuOf(pid);
    for (let n = 0; n < 300; n += 1) {
      await logCall(path, bytes);
      await pause(10);
    }
    const slowly = (cpuOf(pid) - from) / 300;
    say(
      `a Node that only answers: ${Math.min(...costs).toFixed(0)} µs a call and its ping in a row, ${slowly.toFixed(0)} µs at 100 calls/s`,
    );
  } finally {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

const TCP = 'broker://127.0.0.1:0';
const TLS = '127.0.0.1:0';

if (program.length === 1 && !existsSync(program[0] ?? '')) throw new Error(`no ${program[0]}: make binary`);
if (isChosen('floor')) await floor();
if (isChosen('tcp')) {
  await withScene({ address: TCP }, async (scene) => {
    headline('plain TCP');
    await bySize(scene, CALLS.keys());
    if (!chosenSizes) await eventForm(scene);
  });
}
if (isChosen('tls')) {
  await withScene({ address: TLS }, async (scene) => {
    headline('TLS');
    await atRest(scene);
    await bySize(scene, CALLS.keys());
    await atRest(scene);
  });
}
if (isChosen('websocket')) {
  await withScene({ address: 'ws://127.0.0.1:0' }, async (scene) => {
    headline('WebSocket');
    await bySize(scene, [1, 10, 100, 1_000]);
  });
}
if (isChosen('nats') && natsServerProgram() !== undefined) {
  const server = await runNatsServer();
  await withScene({ address: server.url }, async (scene) => {
    headline('NATS');
    await bySize(scene, [1, 10, 100, 1_000]);
  });
  await server.stop();
}
if (isChosen('five')) {
  await withScene({ address: TCP, zeeks: 5 }, async (scene) => {
    headline('five Zeeks over plain TCP, a fifth of the lines for each');
    await bySize(scene, [1, 10, 100, 1_000]);
  });
}
if (isChosen('kinds')) {
  await withScene({ address: TCP, queries: ROW_KINDS.map(({ sql }) => sql) }, async (scene) => {
    headline('kinds of rows, lines of 100 over plain TCP');
    for (const [at, kind] of ROW_KINDS.entries()) {
      const own = { ...scene, names: [scene.names[at] ?? ''] };
      own.handed = scene.handed;
      await lines(own, kind.name, batches(own, kind, 100), CALLS.get(100) ?? 1);
      scene.handed = own.handed;
    }
  });
}
if (isChosen('paced')) {
  await withScene({ address: TLS }, async (scene) => {
    say(
      '\ntrickling rows over TLS, of a host that has just started, and of one that has made some thousand calls',
    );
    await paced(scene, 100);
    await warmUp(scene);
    await paced(scene, 100);
  });
}
if (isChosen('scale')) {
  const queries = Array.from({ length: 100 }, (_, at) => `${PROCESSES.sql} AND ${at} = ${at}`);
  await withScene({ address: TLS, zeeks: 5, queries }, async (scene) => {
    say('\n500 subscriptions of five Zeeks over TLS');
    await warmUp(scene);
    await atRest(scene);
    for (const perSecond of [100, 250, 500, 1_000]) await paced(scene, perSecond);
  });
}
