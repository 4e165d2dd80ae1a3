import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { QueryStore } from '../../src/sandbox/osqueryd/query-store.ts';
import { type OsqueryProbe, queryManager, updateConfig } from '../support/osquery-probe.ts';
import { passing, type Standin, standinWithProbe, temporaryDirectory } from '../support/standin.ts';

const TIME = 'SELECT unix_time FROM time';

/** Results that reached the probe, as `name counter action cell…`. */
function results(probe: OsqueryProbe): string[] {
  return probe.calls.flatMap(({ request }) => {
    if (request['string'] === undefined) return [];
    const { name, counter, action, columns } = JSON.parse(request['string']);
    return [[name, counter, action, ...Object.values(columns)].join(' ')];
  });
}

function lines(probe: OsqueryProbe): string[] {
  return probe.calls.flatMap(({ request }) => request['string'] ?? request['snapshot'] ?? []);
}

test('a query runs at the multiples of its interval, one with a startup priority at once as well', async (t) => {
  const { clock, probe, socket } = await standinWithProbe(t, ['--schedule_splay_percent=101']);
  const seconds = () =>
    results(probe).map((line) => `${line.split(' ')[0]}@${Number(line.split(' ')[3]) % 60}`);
  await updateConfig(socket, 'bro', {
    schedule: {
      ten: { query: TIME, interval: 10 },
      soon: { query: TIME, interval: 20, startup_priority: 1 },
    },
  });
  await clock.advance(31_000);
  const start = 1_795_496_600 % 60;
  assert.deepEqual(
    seconds().filter((_, at) => at < 2),
    [`soon@${start + 1}`, `ten@${start + 10}`],
  );
  const [soon, ten] = ['soon', 'ten'].map(
    (name) => new Set(seconds().filter((line) => line.startsWith(name))),
  );
  assert.deepEqual([soon?.size, ten?.size], [2, 3]);
});

test('the splay stays within its percentage and is kept for the name', async (t) => {
  const directory = temporaryDirectory(t);
  const flags = [`--database_path=${directory}/db`, '--noephemeral', '--nodisable_database'];
  const { clock, osqueryd, socket } = await standinWithProbe(t, flags, undefined, { random: () => 0.999 });
  await updateConfig(socket, 'bro', { schedule: { q: { query: 'SELECT 1', interval: 20 } } });
  osqueryd.stop();
  await passing(clock, osqueryd.ended);
  const store = new QueryStore(`${directory}/db`);
  assert.equal(store.splay('q'), '20:22');
  store.close();
});

test('taking a query away and giving it back goes on from the old rows, with other SQL too', async (t) => {
  const { clock, log, probe, socket } = await standinWithProbe(t);
  const set = (query?: string) =>
    updateConfig(socket, 'bro', { schedule: query === undefined ? {} : { q: { query, interval: 1 } } });
  await set("SELECT 'a' AS x");
  await clock.advance(2000);
  await set();
  await clock.advance(2000);
  await set("SELECT 'a' AS x");
  await clock.advance(2000);
  await set("SELECT 'b' AS x");
  await clock.advance(2000);
  assert.deepEqual(results(probe), ['q 0 added a', 'q 1 removed a', 'q 1 added b']);
  assert.ok(log.includes('query.cpp:129] Scheduled query has been updated: q'));
});

test('another epoch starts anew', async (t) => {
  const { clock, probe, socket } = await standinWithProbe(t);
  const schedule = { q: { query: "SELECT 'a' AS x", interval: 1 } };
  await updateConfig(socket, 'bro', { schedule });
  await clock.advance(2000);
  await updateConfig(socket, 'bro', { schedule, options: { schedule_epoch: 5 } });
  await clock.advance(2000);
  assert.deepEqual(results(probe), ['q 0 added a', 'q 0 added a']);
  assert.equal(JSON.parse(lines(probe).at(-1) ?? '').epoch, 5);
});

test("a query that doesn't report removed rows sends only what is new", async (t) => {
  const { clock, probe, socket } = await standinWithProbe(t);
  await updateConfig(socket, 'bro', { schedule: { q: { query: TIME, interval: 1, removed: false } } });
  await clock.advance(3000);
  assert.deepEqual(new Set(results(probe).map((line) => line.split(' ')[2])), new Set(['added']));
});

test('two sources with the same query name share one state', async (t) => {
  const { clock, probe, socket } = await standinWithProbe(t);
  await updateConfig(socket, 'a', { schedule: { q: { query: "SELECT 'a' AS x", interval: 1 } } });
  await updateConfig(socket, 'b', { schedule: { q: { query: "SELECT 'b' AS x", interval: 1 } } });
  await clock.advance(2000);
  assert.deepEqual(results(probe).slice(0, 5), [
    'q 0 added a',
    'q 1 removed a',
    'q 1 added b',
    'q 2 removed b',
    'q 2 added a',
  ]);
});

test('packs prefix the name, but a pack called main replaces the schedule', async (t) => {
  const { socket } = await standinWithProbe(t);
  const query = { query: 'SELECT 1', interval: 60 };
  const names = async () =>
    (await queryManager(socket, 'SELECT name FROM osquery_schedule')).rows.map((row) => row['name']);
  await updateConfig(socket, 'bro', { schedule: { own: query }, packs: { p: { queries: { x: query } } } });
  assert.deepEqual(await names(), ['own', 'pack_p_x']);
  await updateConfig(socket, 'bro', { schedule: { own: query }, packs: { main: { queries: { x: query } } } });
  assert.deepEqual(await names(), ['x']);
  await updateConfig(socket, 'other', { schedule: { theirs: query } });
  await updateConfig(socket, '', { schedule: { all: query } });
  assert.deepEqual(await names(), ['all']);
});

test('a pack runs only where each of its discovery queries has rows', async (t) => {
  const { socket } = await standinWithProbe(t);
  const queries = { x: { query: 'SELECT 1', interval: 60 } };
  const discovery = (...where: string[]) =>
    where.map((condition) => `SELECT 1 FROM users WHERE ${condition}`);
  await updateConfig(socket, 'bro', {
    packs: {
      here: { discovery: discovery('uid = 0'), queries },
      away: { discovery: discovery('uid = 0', 'uid = -7'), queries },
      elsewhere: { platform: 'windows', queries },
    },
  });
  assert.deepEqual((await queryManager(socket, 'SELECT name, active FROM osquery_packs')).rows, [
    { active: '1', name: 'here' },
    { active: '0', name: 'away' },
    { active: '0', name: 'elsewhere' },
  ]);
  assert.deepEqual((await queryManager(socket, 'SELECT name FROM osquery_schedule')).rows, [
    { name: 'pack_here_x' },
  ]);
});

test('of keys given twice the first counts', async (t) => {
  const { socket } = await standinWithProbe(t);
  await updateConfig(
    socket,
    'bro',
    '{"schedule":{"q":{"query":"SELECT 1","query":"SELECT 2","interval":60}}}',
  );
  const { rows } = await queryManager(socket, 'SELECT query FROM osquery_schedule');
  assert.deepEqual(rows, [{ query: 'SELECT 1' }]);
});

test('a config that is too large or too deep is refused, and the schedule is gone', async (t) => {
  const { socket } = await standinWithProbe(t);
  const good = { schedule: { q: { query: 'SELECT 1', interval: 60 } } };
  await updateConfig(socket, 'bro', good);
  const large = JSON.stringify({ x: 'y'.repeat(1024 * 1024) });
  assert.deepEqual(await updateConfig(socket, 'bro', large), {
    code: 1,
    message: 'Error parsing the config JSON: the config size exceeds the limit of 1048576 bytes',
    rows: [],
  });
  assert.deepEqual((await queryManager(socket, 'SELECT name FROM osquery_schedule')).rows, []);
  const deep = `{"a":${'['.repeat(40)}${']'.repeat(40)}}`;
  assert.equal((await updateConfig(socket, 'bro', deep)).code, 1);
  assert.equal((await updateConfig(socket, 'bro', deep)).code, 0);
});

test('the diffs survive a restart with a database', async (t) => {
  const directory = temporaryDirectory(t);
  const flags = [`--database_path=${directory}/db`, '--noephemeral', '--nodisable_database'];
  const runs: string[][] = [];
  for (const now of [1_795_496_600_000, 1_795_496_700_000]) {
    const { clock, osqueryd, probe, socket } = await standinWithProbe(t, flags, undefined, { now });
    await updateConfig(socket, 'bro', { schedule: { q: { query: TIME, interval: 2 } } });
    await clock.advance(3000);
    runs.push(results(probe));
    osqueryd.stop();
    await passing(clock, osqueryd.ended);
  }
  assert.deepEqual(runs, [['q 0 added 1795496602'], ['q 1 removed 1795496602', 'q 1 added 1795496702']]);
});

/** An osqueryd that finds that its former self died during the query `q`. */
function afterDeath(t: TestContext, ...more: string[]) {
  const directory = temporaryDirectory(t);
  const store = new QueryStore(`${directory}/db`);
  store.setSetting('executing_query', 'q');
  store.close();
  const flags = [`--database_path=${directory}/db`, '--noephemeral', '--nodisable_database', ...more];
  return standinWithProbe(t, flags);
}

test('a query during which osqueryd died stays away for a day, unless it says otherwise', async (t) => {
  const { clock, log, probe, socket } = await afterDeath(t);
  assert.equal(log[0], 'config.cpp:363] Scheduled query may have failed: q');
  const query = { query: "SELECT 'a' AS x", interval: 1 };
  await updateConfig(socket, 'bro', { schedule: { q: query, other: query } });
  await clock.advance(2000);
  const denied = await queryManager(socket, 'SELECT name, denylisted, blacklisted FROM osquery_schedule');
  assert.deepEqual(denied.rows, [
    { blacklisted: '0', denylisted: '0', name: 'other' },
    { blacklisted: '1', denylisted: '1', name: 'q' },
  ]);
  assert.deepEqual(results(probe), ['other 0 added a']);
  assert.deepEqual(
    log.filter((line) => line.startsWith('config.cpp:509]')),
    ['config.cpp:509] The caller does not want denied queries, skipping denied scheduled query: q'],
  );
  await updateConfig(socket, 'bro', { schedule: { q: { ...query, denylist: false } } });
  await clock.advance(2000);
  assert.deepEqual(results(probe), ['other 0 added a', 'q 0 added a']);
});

test('without a watchdog no query stays away, and one of nothing but events never does', async (t) => {
  const events = { query: 'SELECT target_path FROM file_events', interval: 1 };
  const denied = async ({ clock, socket }: Awaited<ReturnType<typeof afterDeath>>, query: object) => {
    await updateConfig(socket, 'bro', { schedule: { q: query } });
    await clock.advance(2000);
    return (await queryManager(socket, 'SELECT denylisted FROM osquery_schedule')).rows[0]?.['denylisted'];
  };
  const unwatched = await afterDeath(t, '--disable_watchdog');
  assert.equal(unwatched.log[0], 'config.cpp:363] Scheduled query may have failed: q');
  assert.equal(await denied(unwatched, { query: 'SELECT 1 AS x', interval: 1 }), '0');
  assert.equal(await denied(await afterDeath(t), events), '0');
  assert.equal(await denied(await afterDeath(t, '--events_enforce_denylist'), events), '1');
});

test('text is escaped in differential results and left as it is in snapshots', async (t) => {
  const { clock, probe, socket } = await standinWithProbe(t);
  const query = "SELECT char(10, 233, 20013) || '\"' AS x";
  await updateConfig(socket, 'bro', {
    schedule: { d: { query, interval: 1 }, s: { query, interval: 1, snapshot: true } },
  });
  await clock.advance(1000);
  const [differential = '', snapshot = ''] = lines(probe);
  assert.match(differential, /"columns":\{"x":"\\\\x0Aé中\\""\}/);
  assert.match(snapshot, /^\{"snapshot":\[\{"x":"\\né中\\""\}\]/);
});

test('numbers are numbers with --logger_numerics, and Infinity is the end', async (t) => {
  const { clock, log, osqueryd, probe, socket } = await standinWithProbe(t, ['--logger_numerics']);
  const query = "SELECT 1.0 AS d, 1.5 AS e, 12345678901 AS big, NULL AS n, '007' AS t";
  await updateConfig(socket, 'bro', { schedule: { q: { query, interval: 1 } } });
  await clock.advance(1000);
  assert.match(
    lines(probe)[0] ?? '',
    /"numerics":true,"columns":\{"big":12345678901,"d":1\.0,"e":1\.5,"n":"","t":"007"\}/,
  );
  await updateConfig(socket, 'bro', {
    options: { logger_event_type: false },
    schedule: { i: { query: 'SELECT 1.0 AS d, 9e999 AS inf', interval: 1 } },
  });
  assert.equal(await passing(clock, osqueryd.ended), 78);
  assert.ok(lines(probe).includes('{"diffResults":{"removed":[],"added":[{"d":1.0,"inf":'));
  assert.equal(
    log.at(-1),
    'shutdown.cpp:80] Error adding new results to database for query i: Error serializing JSON',
  );
});

test('decorations go after numerics or to the top', async (t) => {
  const { clock, probe, socket } = await standinWithProbe(t);
  const config = {
    decorators: { load: ["SELECT 'vm' AS dhost"] },
    schedule: { q: { query: TIME, interval: 1 } },
  };
  await updateConfig(socket, 'bro', config);
  await clock.advance(1000);
  assert.match(lines(probe)[0] ?? '', /"numerics":false,"decorations":\{"dhost":"vm"\},"columns"/);
  await updateConfig(socket, 'bro', { ...config, options: { decorations_top_level: true } });
  await clock.advance(1000);
  assert.match(lines(probe).at(-1) ?? '', /"numerics":false,"dhost":"vm","columns"/);
});

test('file events come as they happen and once again with each query on them', async (t) => {
  const flags = ['--enable_file_events', '--disable_events=false'];
  const answer = ({ request }: { request: Readonly<Record<string, string>> }) => ({
    status: { code: request['action'] === 'features' ? 3 : 0, message: 'OK', uuid: 0 },
    response: [],
  });
  const { clock, directory, probe, socket } = await standinWithProbe(t, flags, answer);
  const watched = join(directory, 'watched');
  mkdirSync(watched);
  const query = { query: 'SELECT target_path, action, eid FROM file_events', interval: 1 };
  await updateConfig(socket, 'bro', {
    schedule: { one: query, two: query },
    file_paths: { wd: [`${watched}/%%`] },
  });
  await clock.advance(1000);
  const events = () =>
    probe.calls.flatMap(({ request }) => (request['event'] ? [JSON.parse(request['event'])] : []));
  const path = join(watched, 'a.txt');
  writeFileSync(path, 'hello');
  await until(clock, () => events().some((event) => event.action === 'CREATED'));
  appendFileSync(path, ' more');
  await until(clock, () => events().some((event) => event.action === 'UPDATED'));
  rmSync(path);
  await until(clock, () => events().some((event) => event.action === 'DELETED'));
  assert.deepEqual(new Set(events().map((event) => event.target_path)), new Set([path]));
  await clock.advance(2000);
  for (const name of ['one', 'two']) {
    const rows = lines(probe)
      .map((line) => JSON.parse(line))
      .filter((line) => line.name === name);
    assert.deepEqual(
      rows.map((row) => row.columns.eid),
      events().map((event) => event.eid),
    );
    assert.deepEqual([rows[0]?.counter, rows[0]?.action], [0, 'added']);
  }
});

/** Waits for what the kernel tells in its own time. */
async function until(clock: Standin['clock'], condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('the event did not come within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
    await clock.quiet();
  }
}
