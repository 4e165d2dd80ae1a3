import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLog } from '../../src/event-log/event-log-reader-store.ts';
import {
  EVENT_LOG_DEFAULTS,
  type EventLogOptions,
  type EventLogStore,
  openEventLog,
} from '../../src/event-log/event-log-store.ts';
import { explain } from '../../src/replay/explain.ts';
import { timeline } from '../../src/replay/replay.ts';
import type { ScheduleEvent } from '../../src/schedule/events.ts';
import { subscriptions } from '../../src/schedule/schedule.ts';
import { ALL, caused, fact, LOG_ID, PROCESS_COLUMNS, query } from '../support/schedule-builders.ts';

/** How quick the event log is on this machine. BENCH_RECORDS makes it shorter. */
const { BENCH_RECORDS, BENCH_DIR } = process.env;
const RECORDS = Number(BENCH_RECORDS ?? 1_000_000);
const LIVE = 10_000;
const BROS = 20;

const work = await mkdtemp(join(BENCH_DIR ?? tmpdir(), 'bro-osquery-bench-'));

function open(name: string, changes: Partial<EventLogOptions> = {}): Promise<EventLogStore> {
  return openEventLog({
    ...EVENT_LOG_DEFAULTS,
    retention: { age: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER },
    directory: join(work, name),
    now: () => Date.now(),
    onWarning: (problem) => {
      throw problem;
    },
    ...changes,
  });
}

const connected = (n: number): ScheduleEvent =>
  fact(0, 'BroConnected', { peer: `zeek-${n}:9999`, incarnation: 'a', transport: 'tcp', standing: 'new' });

function subscribed(n: number): ScheduleEvent {
  const peer = `zeek-${n % BROS}:9999`;
  return caused(n, peer, n, 'QuerySubscribed', {
    name: `bro_5eed1095_${n}`,
    peer,
    incarnation: 'a',
    generation: 1,
    query: query({ cookie: `${n}` }),
    columns: PROCESS_COLUMNS,
    tables: ['processes'],
    audience: ALL,
  });
}

function unsubscribed(n: number): ScheduleEvent {
  const peer = `zeek-${n % BROS}:9999`;
  return caused(n, peer, n, 'QueryUnsubscribed', { name: `bro_5eed1095_${n}`, peer, reason: 'asked' });
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return (performance.now() - before) / 1000;
}

function report(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(66)} ${value}\n`);
}

const perSecond = (count: number, time: number): string =>
  `${Math.round(count / time).toLocaleString('en')}/s`;
const resident = (): string => `${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB resident`;

async function begin(log: EventLogStore): Promise<void> {
  await log.append(log.seq, [
    fact(0, 'LogStarted', { logId: LOG_ID, reason: 'the log is new' }),
    ...Array.from({ length: BROS }, (_, n) => connected(n)),
  ]);
}

async function appends(): Promise<void> {
  for (const [what, sync, atOnce, count] of [
    ['appends, each synced before the next', { policy: 'always' }, 1, 500],
    ['appends, synced, 100 under way at a time', { policy: 'always' }, 100, 20_000],
    ['appends, not synced, one after the other', { policy: 'interval', every: 1000 }, 1, 10_000],
    ['appends, not synced, 100 under way at a time', { policy: 'interval', every: 1000 }, 100, 50_000],
  ] as const) {
    const log = await open(`appends-${sync.policy}-${atOnce}`, { sync });
    await begin(log);
    const time = await seconds(async () => {
      for (let n = 0; n < count; n += atOnce) {
        const { seq } = log;
        await Promise.all(
          Array.from({ length: atOnce }, (_, k) =>
            log.append(seq + k, [(n + k) % 2 === 0 ? subscribed(n + k) : unsubscribed(n + k - 1)]),
          ),
        );
      }
    });
    await log.close();
    report(what, perSecond(count, time));
  }
}

async function manyRecords(): Promise<void> {
  const log = await open('many', { sync: { policy: 'interval', every: 1000 } });
  await begin(log);
  const time = await seconds(async () => {
    for (let n = 1; n < RECORDS; n += 1000) {
      await log.append(
        log.seq,
        Array.from({ length: 500 }, (_, k) => [subscribed(n + k), unsubscribed(n + k)]).flat(),
      );
    }
    await log.close();
  });
  const names = await readdir(join(work, 'many'));
  const sizes = await Promise.all(names.map((name) => stat(join(work, 'many', name))));
  const mib = Math.round(sizes.reduce((sum, { size }) => sum + size, 0) / 2 ** 20);
  const records = `${RECORDS.toLocaleString('en')} records`;
  report(`${records} written, not synced (${mib} MiB)`, `${time.toFixed(1)} s`);
  report(
    `start-up behind the newest snapshot of ${records}`,
    `${((await seconds(async () => (await open('many')).close())) * 1000).toFixed(0)} ms`,
  );
  for (const name of names.filter((one) => one.startsWith('snapshot'))) await rm(join(work, 'many', name));
  const folded = await seconds(async () => (await open('many')).close());
  report(`fold of ${records} from disk, without any snapshot`, `${folded.toFixed(1)} s, ${resident()}`);
  const told = await seconds(async () => {
    for await (const _ of timeline(await readLog(join(work, 'many')), { until: null, bro: null }));
  });
  report(`replay of ${records} in words`, `${told.toFixed(1)} s, ${resident()}`);
  const explained = await seconds(async () => explain(await readLog(join(work, 'many')), 'processes', null));
  report(`explanation of one query among ${records}`, `${explained.toFixed(1)} s, ${resident()}`);
}

async function startUp(): Promise<void> {
  const log = await open('live');
  await begin(log);
  for (let n = 0; n < LIVE; n += 100) {
    await log.append(
      log.seq,
      Array.from({ length: 100 }, (_, k) => subscribed(n + k)),
    );
  }
  await log.close();
  let live = 0;
  const time = await seconds(async () => {
    const again = await open('live');
    live = subscriptions(again.report.state).length;
    await again.close();
  });
  report(
    `start-up with ${live.toLocaleString('en')} live subscriptions behind a snapshot`,
    `${(time * 1000).toFixed(0)} ms`,
  );
}

try {
  await appends();
  await startUp();
  await manyRecords();
} finally {
  await rm(work, { recursive: true, force: true });
}
