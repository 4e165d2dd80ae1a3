import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBus } from '../../../src/bus/bus.ts';
import type { StatusReport } from '../../../src/cli/extension/observation/status-report.ts';
import { ToldNotices } from '../../../src/cli/extension/observation/told-notices.ts';
import { formatStatus } from '../../../src/cli/status/format.ts';
import { query } from '../../support/schedule-builders.ts';

const NOW = Date.UTC(2026, 10, 24);

const REPORT: StatusReport = {
  ...{ version: '0.2.0', pid: 7, startedAt: NOW - 60_000, at: NOW, host: 'h1' },
  osquery: { state: 'registered.inStep', since: NOW - 59_000, uuid: '9', reason: '' },
  bros: [],
  ...{ subscriptions: [], told: [], executions: 0, delivery: [] },
  journal: { bytes: 0, maxBytes: 1024, segments: 1 },
  eventLog: { records: 3, trouble: '' },
  logger: {
    ...{ attachedBy: 'osqueryd', calls: 0, bytes: 0, lost: 0, recovered: 0, refusal: '' },
    ...{ seconds: 0, longest: 0 },
  },
};

/** The paragraph that begins with that word. */
function paragraph(report: StatusReport, first: string): string[] {
  const lines = formatStatus(report);
  const at = lines.findIndex((line) => line.startsWith(first));
  return at < 0 ? [] : lines.slice(at, lines.indexOf('', at));
}

test('each query has its interval, its last run and about when the next one is', () => {
  const subscriptions = [
    { name: 'bro_1', peer: 'z', sql: 'SELECT 1', interval: 60, lastRun: NOW - 20_000, trouble: '' },
    { name: 'bro_2', peer: 'z', sql: 'SELECT 2', interval: 7_200, lastRun: null, trouble: '' },
    { name: 'bro_3', peer: 'z', sql: 'SELECT 3', interval: 5, lastRun: NOW - 90_000, trouble: 'denylisted' },
  ];
  assert.deepEqual(paragraph({ ...REPORT, subscriptions }, 'query'), [
    'query  every      last run   next run',
    "bro_1  60 s       20 s ago   in about 40 s  'SELECT 1'",
    "bro_2  2 h 0 min  none seen  -              'SELECT 2'",
    "bro_3  5 s        90 s ago   -              'SELECT 3'",
  ]);
});

test('what Zeeks were told last stands there with its query, the newest first, and no more than five', () => {
  let now = NOW - 60_000;
  const bus = createBus({ now: () => now, onFailure: (error) => assert.fail(String(error)) });
  const notices = new ToldNotices(bus);
  bus.publish({ type: 'peer.tell', peer: 'z', notice: { level: 'log', text: 'nothing of note' } });
  for (let count = 1; count <= 30; count += 1) {
    now += 1_000;
    const notice = {
      level: 'error',
      text: `no such table: t${count}`,
      query: query({ sql: `SELECT ${count}` }),
    };
    bus.publish({ type: 'peer.tell', peer: 'z', notice: { ...notice, level: 'error' } });
  }
  const told = notices.latest();
  assert.equal(told.length, 20);
  const lines = paragraph({ ...REPORT, told }, 'Last notices');
  assert.deepEqual(lines.slice(0, 3), [
    'Last notices to Zeeks',
    '  30 s ago  error to z: no such table: t30',
    "    'SELECT 30'",
  ]);
  assert.equal(lines.length, 11);
  assert.deepEqual(paragraph(REPORT, 'Last notices'), []);
});
