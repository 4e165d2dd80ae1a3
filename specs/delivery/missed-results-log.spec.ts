import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import type { Appended } from '../../src/delivery/journal.ts';
import { Marks } from '../../src/delivery/marks.ts';
import { MissedResults } from '../../src/delivery/missed-results.ts';
import type { Deliverable, Handover } from '../../src/delivery/ports.ts';
import { resultLogs } from '../../src/osquery/result-log-store.ts';
import type { UpdateType } from '../../src/vocabulary/model.ts';
import { batchLine } from '../support/delivery-harness.ts';

/** Seconds: our first start. */
const SINCE = 1_000;
const QUERIES: readonly [string, UpdateType][] = [
  ['bro_1', 'ADDED'],
  ['bro_2', 'BOTH'],
  ['bro_3', 'SNAPSHOT'],
];

/** A line of osqueryd's result log with one row. */
const line = (name: string, unixTime: number, counter: number, n: string) =>
  `{"name":"${name}","unixTime":${unixTime},"epoch":0,"counter":${counter},"columns":{"n":"${n}"},"action":"added"}\n`;

/** osqueryd's folder of logs, and somebody who takes from it what was missed. */
function folder(t: TestContext, loggers = ' bro, filesystem ', queries = QUERIES) {
  const directory = mkdtempSync(join(tmpdir(), 'bro-missed-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const marks = new Marks({ since: SINCE, upTo: 0, marks: [] });
  const taken: string[] = [];
  let beingCounted: (() => void)[] = [];
  const courier = {
    async take({ payload }: Handover): Promise<Appended> {
      taken.push(Buffer.from(payload).toString());
      const next = 1 + payload.length;
      return {
        accepted: true,
        entry: { sequence: 1, kind: 'log', receivedAt: 0, header: null, payload, next },
      };
    },
    async caughtUp() {
      for (const count of beingCounted.splice(0)) count();
    },
  };
  const byName = new Map(queries.map(([name, updateType]) => [name, { query: { updateType } }]));
  const options: [string, string][] = [
    ['logger_plugin', loggers],
    ['logger_path', directory],
  ];
  const missed = new MissedResults({
    resultLogs,
    log: pino({ level: 'silent' }),
    courier,
    marks,
    deliverables: { size: byName.size, find: (name) => byName.get(name) as Deliverable | undefined },
    flags: () => new Map(options.map(([name, value]) => [name, { value, defaultValue: '', type: 'string' }])),
  });
  const { signal } = new AbortController();
  return {
    take: () => missed.take(undefined, signal),
    results: join(directory, 'osqueryd.results.log'),
    snapshots: join(directory, 'osqueryd.snapshots.log'),
    taken: () => taken.splice(0),
    /** A run that came to us is in the journal, and counted at the next opportunity. */
    came(name: string, unixTime: number, counter: number) {
      beingCounted = [...beingCounted, () => marks.note(0, { name, unixTime, counter, rowCount: 1 })];
    },
  };
}

test('runs later than the last one received are recovered, in order, and those of other queries are ignored', async (t) => {
  const { take, came, results, taken } = folder(t);
  came('bro_1', 1_010, 1);
  const late = [line('bro_1', 1_010, 2, 'b'), line('bro_2', 1_011, 0, 'c'), line('bro_1', 1_012, 3, 'd')];
  writeFileSync(
    results,
    [
      line('bro_1', 999, 0, 'before our first start'),
      line('bro_1', 1_010, 1, 'a'),
      line('bro_9', 1_011, 0, 'ended'),
      line('pack_bro_1', 1_011, 0, 'of others'),
      line('theirs', 1_011, 0, 'bro_1').replace('"n":', '"name":'),
      late[0],
      'no line {"name":"bro_1"}\n',
      late[1],
      late[2],
      line('bro_1', 1_013, 4, 'being written').slice(0, -20),
    ].join(''),
  );
  assert.deepEqual(await take(), { rows: 3, doubt: '' });
  assert.deepEqual(taken(), [late.join('')]);
});

test('rows of a run in one line count one by one', async (t) => {
  const { take, came, results, taken } = folder(t);
  came('bro_2', 1_700_000_000, 1);
  const run = batchLine('bro_2', { added: ['1', '2'], removed: ['0'] }, 2);
  writeFileSync(results, `${batchLine('bro_2', { added: ['0'] }, 1)}\n${run}\n`);
  assert.deepEqual(await take(), { rows: 3, doubt: '' });
  assert.deepEqual(taken(), [`${run}\n`]);
});

test('much that was missed goes to the journal in pieces', async (t) => {
  const { take, results, taken } = folder(t);
  const lines = Array.from({ length: 9 }, (_, at) => line('bro_1', 1_010, at, `${at}`.repeat(200_000)));
  writeFileSync(results, lines.join(''));
  assert.deepEqual(await take(), { rows: 9, doubt: '' });
  const pieces = taken();
  assert.equal(pieces.join(''), lines.join(''));
  assert.deepEqual(
    pieces.map((piece) => piece.split('\n').length - 1),
    [3, 3, 3],
  );
});

test('where osqueryd keeps no log of its own there is doubt, unless there are no subscriptions', async (t) => {
  const { take } = folder(t, 'bro,tls');
  const doubt = 'osqueryd has no logger `filesystem` to recover them from';
  assert.deepEqual(await take(), { rows: 0, doubt });
  const { take: takeIdle } = folder(t, 'bro,tls', []);
  assert.deepEqual(await takeIdle(), { rows: 0, doubt: '' });
});

test('a log that does not reach back to what has come of it has been taken away', async (t) => {
  const { take, came, results, snapshots, taken } = folder(t);
  const gone = (path: string) => ({ rows: 0, doubt: `older lines of ${path} have been removed` });
  assert.deepEqual(await take(), { rows: 0, doubt: '' });
  came('bro_1', 1_010, 1);
  assert.deepEqual(await take(), gone(results));
  // Any line that is as old will do: osqueryd writes one after the other.
  writeFileSync(results, line('theirs', 1_010, 7, 'x'));
  assert.deepEqual(await take(), { rows: 0, doubt: '' });
  writeFileSync(results, line('theirs', 1_011, 7, 'x'));
  assert.deepEqual(await take(), gone(results));
  rmSync(results);
  came('bro_3', 1_020, 1);
  assert.deepEqual(await take(), gone(snapshots));
  assert.deepEqual(taken(), []);
});

test('that no snapshot has come yet makes the log of snapshots none that was taken away', async (t) => {
  const { take, came, results } = folder(t);
  came('bro_1', 1_010, 1);
  writeFileSync(results, line('bro_1', 1_010, 1, 'a'));
  assert.deepEqual(await take(), { rows: 0, doubt: '' });
});

test('of a huge log the end is looked through, with doubt unless it reaches back', async (t) => {
  const { take, came, results, taken } = folder(t);
  came('bro_1', 1_010, 1);
  writeFileSync(results, line('bro_1', 1_010, 1, 'a'));
  truncateSync(results, 64 * 1024 * 1024);
  const late = line('bro_1', 1_012, 2, 'c');
  appendFileSync(results, `\n${late}`);
  const doubt = `${results} has grown by more than ${64 * 1024 * 1024} bytes since`;
  assert.deepEqual(await take(), { rows: 1, doubt });
  assert.deepEqual(taken(), [late]);
  truncateSync(results, 64 * 1024 * 1024);
  appendFileSync(results, `\n${line('theirs', 1_009, 1, 'b')}${late}`);
  assert.deepEqual(await take(), { rows: 1, doubt: '' });
});

test("a log that can't be read is a doubt", async (t) => {
  const { take, results } = folder(t);
  mkdirSync(results);
  const { rows, doubt } = await take();
  assert.equal(rows, 0);
  assert.match(doubt, /^osqueryd's log in \S+ can't be read: .*EISDIR/);
});
