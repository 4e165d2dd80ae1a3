/**
 * What delivery costs: `node --import tsx specs/bench/delivery.bench.ts`. Prints one line a measurement.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { CooperativeScheduler } from '../../src/cli/extension/ports/cooperative-scheduler.ts';
import { Courier } from '../../src/delivery/courier.ts';
import { CursorStore } from '../../src/delivery/cursor-store.ts';
import { JournalStore } from '../../src/delivery/journal-store.ts';
import type { Deliverable, Link } from '../../src/delivery/ports.ts';
import { zeekOsquery } from '../../src/vocabulary/zeek-osquery.ts';
import { logEntry, subscription } from '../support/delivery-harness.ts';
import { sampleHost } from '../support/sample-host.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);
const rate = (count: number, milliseconds: number) =>
  `${Math.round((count / milliseconds) * 1000).toLocaleString('en')}/s`;

function percentiles(samples: number[]): string {
  const sorted = samples.toSorted((one, other) => one - other);
  const at = (share: number) => `${(sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(3)} ms`;
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(0.99999)}`;
}

async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A row of eight columns, as of `processes`. */
const columns = ['pid', 'name', 'path', 'cmdline', 'uid', 'gid', 'parent', 'start_time'];
function row(n: number): Record<string, string> {
  return {
    pid: String(n),
    name: `process-${n}`,
    path: '/usr/bin/process',
    cmdline: `process --with --some --arguments ${n}`,
    uid: '0',
    gid: '0',
    parent: '1',
    start_time: '1795496678',
  };
}

function line(name: string, rows: number): Buffer {
  const added = Array.from({ length: rows }, (_, n) => row(n));
  const head = {
    name,
    hostIdentifier: 'vm',
    calendarTime: '',
    unixTime: 1_795_496_678,
    epoch: 0,
    counter: 1,
    numerics: false,
  };
  return Buffer.from(JSON.stringify({ diffResults: { removed: [], added }, ...head }));
}

function processes(peer: string): Deliverable {
  return {
    ...subscription(peer, peer),
    columns: columns.map((name) => ({
      name,
      type: ['name', 'path', 'cmdline'].includes(name) ? ('TEXT' as const) : ('BIGINT' as const),
    })),
  };
}

async function withCourier(
  directory: string,
  peers: readonly string[],
  work: (courier: Courier) => Promise<void>,
): Promise<void> {
  const cursors = await CursorStore.open({ directory });
  const journal = await JournalStore.open({ directory, now: Date.now });
  const all = new Map(peers.map((peer) => [peer, processes(peer)]));
  const vocabulary = zeekOsquery('/bro/osquery');
  const encoders = new Map(
    [...all].map(([peer, one]) => [peer, vocabulary.rowEncoder(one.query, one.columns, sampleHost())]),
  );
  const courier = new Courier({
    journal,
    cursors,
    ports: {
      lookup: (name) => all.get(name),
      encoderOf: ({ peer }) =>
        encoders.get(peer) ?? (() => ({ problem: 'null', column: '', type: 'TEXT', value: '', text: '' })),
      rowsPerResult: () => Number.POSITIVE_INFINITY,
      marker: () => undefined,
      beginning: () => undefined,
      notifyGap: async () => true,
      report: (report) => say(JSON.stringify(report)),
      now: Date.now,
      after: (milliseconds, callback) => {
        const timer = setTimeout(callback, milliseconds);
        return () => clearTimeout(timer);
      },
      yieldControl: new CooperativeScheduler().nextSlot,
    },
  });
  courier.start();
  await work(courier);
  await courier.stop();
  await journal.close();
  await cursors.close();
}

const healthy: Link = {
  send: async () => {},
  confirm: () => new Promise((resolve) => setTimeout(resolve, 1)),
};
const slow: Link = {
  send: () => new Promise((resolve) => setTimeout(resolve, 20)),
  confirm: () => new Promise((resolve) => setTimeout(resolve, 200)),
};

for (const fsync of ['never', 'interval', 'always'] as const) {
  for (const [what, size, together, count] of [
    ['one row', 400, 1, fsync === 'always' ? 500 : 5000],
    ['one row, 32 at once', 400, 32, fsync === 'always' ? 5000 : 50_000],
    ['1 MiB', 1024 * 1024, 1, 100],
  ] as const) {
    await inDirectory(async (directory) => {
      const journal = await JournalStore.open({ directory, now: Date.now, fsync });
      const payload = Buffer.alloc(size, 0x61);
      const samples: number[] = [];
      const start = performance.now();
      for (let n = 0; n < count; n += together) {
        const before = performance.now();
        await Promise.all(Array.from({ length: together }, () => journal.append(logEntry(payload))));
        samples.push(performance.now() - before);
      }
      say(
        `journal, fsync ${fsync}, ${what}: ${rate(count, performance.now() - start)}, ${percentiles(samples)}`,
      );
      await journal.close();
    });
  }
}

for (const [what, rows, lines] of [
  ['lines of 100 rows', 100, 2000],
  ['lines of one row', 1, 20_000],
] as const) {
  await inDirectory((directory) =>
    withCourier(directory, ['a'], async (courier) => {
      const payload = line('a', rows);
      for (let n = 0; n < lines; n += 1) await courier.take(logEntry(payload));
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const start = performance.now();
      courier.attach('a', healthy);
      await courier.settled();
      const took = performance.now() - start;
      delay.disable();
      say(
        `courier, backlog of ${what}: ${rate(rows * lines, took)}, longest turn ${Math.round(delay.max / 1e6)} ms, p99 ${Math.round(delay.percentile(99) / 1e6)} ms`,
      );
    }),
  );
}

for (const [what, link] of [
  ['healthy', healthy],
  ['slow', slow],
  ['absent', undefined],
] as const) {
  await inDirectory((directory) =>
    withCourier(directory, ['a'], async (courier) => {
      if (link) courier.attach('a', link);
      const payload = line('a', 10);
      const samples: number[] = [];
      for (let n = 0; n < 3000; n += 1) {
        const before = performance.now();
        await courier.take(logEntry(payload));
        samples.push(performance.now() - before);
        // osquery's next call comes over a new connection, in a turn of its own.
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      say(`log call of 10 rows, the Bro ${what}: ${percentiles(samples.slice(300))}`);
    }),
  );
}
