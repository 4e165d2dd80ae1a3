import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readTraceFile } from '../../src/cli/trace-file.ts';
import { replayTrace } from '../../src/replay/trace-replay.ts';
import { startBro, type TestBro } from '../support/bro.ts';
import { type Place, place } from '../support/place.ts';

/** The whole way with real processes and real sockets: a stand-in osqueryd, the extension, Bros in this process. */

function placeWith(t: TestContext, bros: readonly TestBro[], own: object = {}): Promise<Place> {
  const endpoints = bros.map(({ address }) => address);
  return place(t, { endpoints, uid: 'h1', groups: ['servers'] }, { own });
}

const USERS = "SELECT uid, username FROM users WHERE username = 'root'";

test('two Zeeks with the same SQL get rows of their own, and one that unsubscribes leaves the other its query', async (t) => {
  const [first, second] = await Promise.all([startBro(t), startBro(t)]);
  const { startExtension, schedule, untilScheduled } = await placeWith(t, [first, second]);
  startExtension();
  await Promise.all([first.announced('h1'), second.announced('h1')]);
  const one = first.subscribe(USERS, { interval: 1, cookie: 'first' });
  second.subscribe(USERS, { interval: 1, cookie: 'second' });
  await first.untilRows(1);
  await second.untilRows(1);
  const names = Object.keys(await schedule());
  assert.equal(names.length, 2);
  for (const [bro, cookie] of [
    [first, 'first'],
    [second, 'second'],
  ] as const) {
    const [row, ...more] = bro.rows();
    assert.deepEqual(more, []);
    assert.equal(row?.cookie, cookie);
  }
  first.unsubscribe(one);
  await untilScheduled(USERS);
});

test('the same request again changes nothing', async (t) => {
  const bro = await startBro(t);
  const { startExtension, schedule } = await placeWith(t, [bro]);
  startExtension();
  await bro.announced('h1');
  const words = { interval: 1, event: 'spec::users', cookie: 'c' };
  bro.subscribe(USERS, words);
  await bro.untilRows(1);
  const before = await schedule();
  bro.subscribe(USERS, words);
  const other = bro.subscribe('SELECT 1 AS one', { interval: 1 });
  await bro.untilRows(1, other);
  const after = await schedule();
  assert.deepEqual(
    Object.keys(after).filter((name) => after[name] === USERS),
    Object.keys(before),
  );
  assert.equal(bro.rows().length, 2);
});

test('an extension that was killed has its schedule back in osquery before any Zeek is there', async (t) => {
  const bro = await startBro(t);
  const { startExtension, untilScheduled, schedule } = await placeWith(t, [bro]);
  const { child, ended } = startExtension();
  await bro.announced('h1');
  bro.subscribe(USERS, { interval: 1 });
  await bro.untilRows(1);
  const before = await schedule();
  await bro.kill();
  child.kill('SIGKILL');
  await ended;
  startExtension();
  await untilScheduled(USERS);
  assert.deepEqual(await schedule(), before);
});

test("osquery's own queries run on, and their rows never reach a Zeek", async (t) => {
  const bro = await startBro(t);
  const own = {
    schedule: { mine: { query: 'SELECT unix_time FROM time', interval: 1 } },
    packs: { p: { queries: { q: { query: 'SELECT 1 AS x', interval: 1 } } } },
  };
  const { startExtension, osquery } = await placeWith(t, [bro], own);
  startExtension();
  await bro.announced('h1');
  const times = bro.subscribe('SELECT unix_time AS t FROM time', { interval: 1 });
  await bro.untilRows(5, times);
  assert.deepEqual(
    bro.rows().filter((row) => row.query !== times),
    [],
  );
  const rows = await osquery.query(
    "SELECT name, executions FROM osquery_schedule WHERE name NOT LIKE 'bro_%'",
  );
  assert.deepEqual(rows.map((row) => row['name']).sort(), ['mine', 'pack_p_q']);
  assert.ok(rows.every((row) => Number(row['executions']) > 0));
});

test("a bad query is refused with osquery's message, to the Zeek that requested it, and nothing else changes", async (t) => {
  const [asker, other] = await Promise.all([startBro(t), startBro(t)]);
  const { startExtension, untilScheduled } = await placeWith(t, [asker, other]);
  startExtension();
  await Promise.all([asker.announced('h1'), other.announced('h1')]);
  asker.subscribe(USERS, { interval: 1 });
  await asker.untilRows(1);
  asker.subscribe('SELECT nope FROM processes', { interval: 1 });
  const { text } = await asker.until('notice');
  assert.match(text, /no such column: nope/);
  assert.deepEqual(other.of('notice'), []);
  await untilScheduled(USERS);
});

test('a Zeek that comes back is announced to, and the rows that came meanwhile are delivered', async (t) => {
  const bro = await startBro(t);
  const { startExtension } = await placeWith(t, [bro]);
  startExtension();
  await bro.announced('h1');
  const sql = 'SELECT unix_time AS t FROM time';
  const words = { interval: 1, event: 'spec::time', updateType: 'ADDED', cookie: 'c' } as const;
  const asked = bro.subscribe(sql, words);
  const before = await bro.untilRows(2, asked);
  await bro.kill();
  const back = await startBro(t, { port: bro.port, endpointId: bro.endpointId });
  await back.announced('h1');
  const again = back.subscribe(sql, words);
  await back.untilRows(3, again);
  const seconds = [...before, ...back.rows(again)].map(({ values: [time] }) =>
    time?.type === 'integer' ? Number(time.value) : Number.NaN,
  );
  const [from = 0] = seconds;
  const to = seconds.at(-1) ?? 0;
  const missing = Array.from({ length: to - from }, (_, n) => from + n).filter((s) => !seconds.includes(s));
  // The clock may skip a second between two runs; rows may not get lost, which would leave a hole while away.
  assert.ok(missing.length <= 1, `no row for ${missing}`);
});

test('a trace of a whole session replays to the same states in every machine and conversation', async (t) => {
  const bro = await startBro(t);
  const { startExtension, directory } = await placeWith(t, [bro]);
  const path = join(directory, 'trace.jsonl');
  const { child, ended } = startExtension('--trace', path);
  await bro.announced('h1');
  bro.join('extra');
  bro.subscribe('SELECT nope', { interval: 1 });
  const users = bro.subscribe(USERS, { interval: 1 });
  const once = bro.execute('SELECT 1 AS one');
  await bro.untilRows(1, users);
  await bro.untilRows(1, once);
  await bro.until('notice');
  bro.unsubscribe(users);
  await bro.kill();
  child.kill('SIGTERM');
  assert.equal(await ended, 0);
  const { deviation, steps, actors, conversationSteps } = await replayTrace(readTraceFile(path));
  assert.equal(deviation, null);
  assert.equal(actors, 8);
  assert.ok(steps > 50, `${steps} steps`);
  // Connected, joined, subscribed twice, executed, unsubscribed.
  assert.ok(conversationSteps >= 6, `${conversationSteps} steps of conversations`);
});
