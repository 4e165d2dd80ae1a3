import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { EndpointIds } from '../../../src/broker/endpoint-ids.ts';
import { createBus } from '../../../src/bus/bus.ts';
import { createExtensionContext, defaultSettings } from '../../../src/cli/extension/extension-context.ts';
import { logBlockedRequests } from '../../../src/cli/extension/observation/blocked-requests.ts';
import { type BroLink, BroLinks } from '../../../src/conversation/bro-links.ts';
import { StatusForwarder } from '../../../src/delivery/status-forwarder.ts';
import { ScheduleWatch } from '../../../src/osquery/schedule-watch.ts';
import type { StatusLine } from '../../../src/osquery/status-log.ts';
import type { Notice } from '../../../src/vocabulary/model.ts';

function startForwarder(forwardStatus: 'off' | 'info' | 'warning' | 'error') {
  let now = 1_000_000;
  const runtime = { now: () => now, random: () => 0.5, uuid: () => '5ba5a5e5-0000-4000-8000-000000000001' };
  const log = pino({ level: 'silent' });
  const bus = createBus({ now: runtime.now, onFailure: (error) => assert.fail(String(error)) });
  const context = createExtensionContext({ runtime, log, bus, version: '1.0.0' });
  context.takeSettings({ ...defaultSettings(), forwardStatus });
  const told: Notice[] = [];
  const links = new BroLinks();
  const link = { peer: 'zeek:9999', tell: async (notice: Notice) => void told.push(notice) };
  links.add(link as unknown as BroLink);
  return {
    forwarder: new StatusForwarder({
      severity: () => context.settings().forwardStatus,
      tell: (notice) => links.tellAll(notice),
      now: runtime.now,
    }),
    told,
    wait: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

const line = (severity: StatusLine['severity'], message: string): StatusLine => ({
  severity,
  file: 'scheduler.cpp',
  line: 120,
  message,
  host: 'h',
  time: 1,
});

test("osquery's own lines go to the Zeeks from the configured severity on", () => {
  const { forwarder, told } = startForwarder('warning');
  forwarder.take([line('info', 'a'), line('warning', 'b'), line('error', 'c')]);
  assert.deepEqual(told, [
    { level: 'warning', text: 'osquery: b (scheduler.cpp:120)' },
    { level: 'error', text: 'osquery: c (scheduler.cpp:120)' },
  ]);
});

test('too many status lines are suppressed, and their number is reported', () => {
  const { forwarder, told, wait } = startForwarder('info');
  forwarder.take(Array.from({ length: 100 }, (_, n) => line('info', `line ${n}`)));
  assert.equal(told.length, 60);
  wait(60_000);
  forwarder.take([line('info', 'later')]);
  assert.deepEqual(told.slice(60), [
    { level: 'warning', text: 'osquery: 40 more lines were suppressed' },
    { level: 'log', text: 'osquery: later (scheduler.cpp:120)' },
  ]);
});

test('nothing is forwarded unless it is asked for', () => {
  const { forwarder, told } = startForwarder('off');
  forwarder.take([line('error', 'a')]);
  assert.deepEqual(told, []);
});

test('we are the same to every Bro until one takes us for a former connection of ours twice in a row', () => {
  let n = 0;
  const ids = new EndpointIds('us', () => {
    n += 1;
    return `other-${n}`;
  });
  ids.ended('a', 'stale');
  assert.equal(ids.of('a'), 'us');
  ids.ended('a', 'reset');
  ids.ended('a', 'stale');
  assert.equal(ids.of('a'), 'us');
  ids.ended('a', 'stale');
  assert.equal(ids.of('a'), 'other-1');
  assert.equal(ids.of('b'), 'us');
});

const NO_RUNS: ReadonlyMap<string, number> = new Map();

test("osquery's schedule is watched for what it has lost and what it denies", async () => {
  let rows: Record<string, string>[] = [];
  const watch = new ScheduleWatch({ query: async () => rows });
  assert.deepEqual(await watch.look(), { missing: [], changed: [], runs: NO_RUNS });
  watch.taken(['bro_1', 'bro_2']);
  rows = [
    { name: 'bro_1', denylisted: '0' },
    { name: 'bro_2', denylisted: '1', last_executed: '5' },
    { name: 'theirs', denylisted: '1', last_executed: '6' },
  ];
  assert.deepEqual(await watch.look(), {
    missing: [],
    changed: [{ name: 'bro_2', denylisted: true }],
    runs: new Map([['bro_2', 5_000]]),
  });
  assert.deepEqual((await watch.look()).changed, []);
  rows = [{ name: 'bro_2', denylisted: '0', last_executed: '0' }];
  assert.deepEqual(await watch.look(), {
    missing: ['bro_1'],
    changed: [{ name: 'bro_2', denylisted: false }],
    runs: NO_RUNS,
  });
});

test('a schedule that is applied while the old one is looked at is not taken for lost', async () => {
  const answer = Promise.withResolvers<Record<string, string>[]>();
  const watch = new ScheduleWatch({ query: () => answer.promise });
  watch.taken(['bro_1']);
  const looking = watch.look();
  watch.taken(['bro_2']);
  answer.resolve([]);
  assert.deepEqual(await looking, { missing: [], changed: [], runs: NO_RUNS });
});

test('that requests are refused is said, and why, once a minute', () => {
  let now = 1_000_000;
  const runtime = { now: () => now, random: () => 0.5, uuid: () => '5ba5a5e5-0000-4000-8000-000000000001' };
  const said: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => void said.push(JSON.parse(line).msg) });
  const bus = createBus({ now: runtime.now, onFailure: (error) => assert.fail(String(error)) });
  logBlockedRequests(createExtensionContext({ runtime, log, bus, version: '1.0.0' }));
  const blocked = () => bus.publish({ type: 'schedule.blocked', reason: 'the disk is full' });
  for (let second = 0; second < 60; second += 1) {
    blocked();
    now += 1_000;
  }
  assert.deepEqual(said, ['refusing requests of Zeeks for now: the disk is full']);
  blocked();
  assert.equal(said.length, 2);
});
