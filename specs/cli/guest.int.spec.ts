import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readLog } from '../../src/event-log/event-log-reader-store.ts';
import { timeline } from '../../src/replay/replay.ts';
import type { ScheduleEvent } from '../../src/schedule/events.ts';
import { startBro, type TestBro } from '../support/bro.ts';
import { OsqueryProbe } from '../support/osquery-probe.ts';
import { MAIN, place, until } from '../support/place.ts';

/** How the extension lives with osqueryd: real processes, a stand-in osqueryd, Bros in this process. */

/** Of a log. */
const EVERYTHING = { until: null, bro: null };

const USERS = "SELECT uid, username FROM users WHERE username = 'root'";

test('a second extension on the same osqueryd says so and ends, the first stays', async (t) => {
  const bro = await startBro(t);
  const { startExtension, directory } = await place(t, { bro_endpoint: bro.address, uid: 'h1' });
  startExtension();
  await bro.announced('h1');
  const second = startExtension('--state-dir', join(directory, 'other'));
  assert.equal(await second.ended, 1);
  assert.match(second.log(), /another bro-osquery is registered with this osqueryd/);
  const users = bro.subscribe(USERS, { interval: 1 });
  await bro.untilRows(1, users);
});

test('a second extension on the same state directory says so and ends', async (t) => {
  const bro = await startBro(t);
  const here = await place(t, { bro_endpoint: bro.address, uid: 'h1' });
  const there = await place(t, { bro_endpoint: bro.address, uid: 'h2' });
  here.startExtension();
  await bro.announced('h1');
  const second = there.startExtension('--state-dir', join(here.directory, 'state'));
  assert.equal(await second.ended, 1);
  assert.match(second.log(), /is in use by process \d+ since/);
});

test('a state directory that can not be made is said, and ends the extension', async (t) => {
  const { startExtension } = await place(t, { bro_endpoint: '127.0.0.1:1', uid: 'h1' });
  const { ended, log } = startExtension('--state-dir', '/proc/nowhere/state');
  assert.equal(await ended, 1);
  assert.match(
    log(),
    /exiting: the state directory \/proc\/nowhere\/state can't be created: .*; create it, or set another/,
  );
});

test('an osqueryd that is not there and a Zeek that is lost are warnings, each reason once', async (t) => {
  const bro = await startBro(t);
  const { directory, startExtension } = await place(t, { bro_endpoint: bro.address, uid: 'h1' });
  const waiting = startExtension(
    '--socket',
    join(directory, 'elsewhere.em'),
    '--state-dir',
    join(directory, 's'),
  );
  const lines = (log: string) =>
    log
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { level: string; area?: string; code?: string; msg: string });
  await until('it says that it waits', () => lines(waiting.log()).length > 0);
  const [line] = lines(waiting.log());
  assert.deepEqual([line?.level, line?.area], ['warn', 'osquery']);
  assert.match(
    line?.msg ?? '',
    /^waiting for osqueryd: .*elsewhere\.em does not exist: osqueryd is not running/,
  );
  const { log } = startExtension();
  await bro.announced('h1');
  await bro.kill();
  await until('the loss and the failed connect are logged', () =>
    ['reset', 'connect-failed'].every((code) => lines(log()).some((one) => one.code === code)),
  );
  assert.deepEqual(
    [
      ...new Set(
        lines(log())
          .filter(({ code }) => code !== undefined)
          .map(({ level }) => level),
      ),
    ],
    ['warn'],
  );
  // It has looked many times by now.
  assert.equal(lines(waiting.log()).length, 1);
});

test('a configuration that changes takes effect at once on SIGHUP, and a bad one leaves the last good one', async (t) => {
  const [first, second] = await Promise.all([startBro(t), startBro(t)]);
  const { startExtension, configure } = await place(t, { bro_endpoint: first.address, uid: 'h1' });
  const { child, log } = startExtension();
  await first.announced('h1');
  await configure({ bro_endpoint: 'nowhere at all', uid: 'h1' });
  child.kill('SIGHUP');
  await until('the bad configuration is refused', () => log().includes('bro.bro_endpoint: '));
  const users = first.subscribe(USERS, { interval: 1 });
  await first.untilRows(1, users);
  await configure({ endpoints: [first.address, second.address], uid: 'h1', groups: ['late'] });
  child.kill('SIGHUP');
  await second.announced('h1');
  await first.until('announced', ({ host }) => host.groups?.includes('late') === true);
  await configure({ bro_endpoint: second.address, uid: 'h1' });
  child.kill('SIGHUP');
  await first.until('disconnected');
});

test('signals and osqueryd end the extension in good order, and osquery runs nothing of ours any more', async (t) => {
  const bro = await startBro(t);
  const { startExtension, untilScheduled, osquery } = await place(t, {
    bro_endpoint: bro.address,
    uid: 'h1',
  });
  const { child, ended } = startExtension();
  await bro.announced('h1');
  bro.subscribe(USERS, { interval: 1 });
  await untilScheduled(USERS);
  child.kill('SIGTERM');
  assert.equal(await ended, 0);
  assert.equal((await osquery.extensions()).size, 0);
  await untilScheduled();
});

test('an extension whose osqueryd was killed ends at once, so that the next osqueryd can have its pidfile', async (t) => {
  const bro = await startBro(t);
  const { directory, socket, osquery } = await place(t, { bro_endpoint: bro.address, uid: 'h1' });
  const command = [process.execPath, '--import', 'tsx', MAIN, '--socket', socket];
  const flags = ['--timeout', '600', '--interval', '1', '--state-dir', join(directory, 'state')];
  const parent = spawn('sh', ['-c', '"$@" & wait', 'sh', ...command, ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, OSQUERY_EXTENSION: '1' },
    detached: true,
  });
  let log = '';
  let isClosed = false;
  parent.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  parent.once('close', () => {
    isClosed = true;
  });
  t.after(() => {
    if (!isClosed && parent.pid !== undefined) process.kill(-parent.pid, 'SIGKILL');
  });
  await bro.announced('h1');
  parent.kill('SIGKILL');
  await until('the extension has ended', () => isClosed);
  assert.match(log, /exiting: .*the osqueryd that started it has exited/);
  assert.equal((await osquery.extensions()).size, 0);
});

test('an extension that osqueryd has forgotten registers again by itself', async (t) => {
  const bro = await startBro(t);
  const { startExtension, osquery, untilScheduled } = await place(t, {
    bro_endpoint: bro.address,
    uid: 'h1',
  });
  startExtension();
  await bro.announced('h1');
  bro.subscribe(USERS, { interval: 1 });
  await untilScheduled(USERS);
  const [before = 0] = (await osquery.extensions()).keys();
  await osquery.deregisterExtension(before);
  await until('it is registered again', async () => {
    const [now] = (await osquery.extensions()).keys();
    return now !== undefined && now !== before;
  });
  await untilScheduled(USERS);
});

test('an extension whose socket was removed registers again, though osqueryd has not noticed', async (t) => {
  const bro = await startBro(t);
  const { startExtension, osquery, socket, untilScheduled } = await place(
    t,
    { bro_endpoint: bro.address, uid: 'h1' },
    { flags: ['--extensions_interval=600'] },
  );
  const { log } = startExtension();
  await bro.announced('h1');
  const users = bro.subscribe(USERS, { interval: 1 });
  await untilScheduled(USERS);
  const [before = 0] = (await osquery.extensions()).keys();
  unlinkSync(`${socket}.${before}`);
  await until('it is registered again', async () => {
    const [now] = (await osquery.extensions()).keys();
    return now !== undefined && now !== before && existsSync(`${socket}.${now}`);
  });
  assert.match(log(), /the extension's own socket has been removed/);
  await untilScheduled(USERS);
  await bro.untilRows(1, users);
});

/** An osqueryd that does not write down what it finds. */
const UNKEPT = ['--logger_plugin=bro,stdout'];

/** What a Bro has been told of rows that may be missing. */
function toldOfMissing(bro: TestBro): string[] {
  return bro.of('notice').flatMap(({ text }) => (text.includes('may be missing') ? [text] : []));
}

test('results during the absence of a killed extension are reported as missing, once, and never after a clean shutdown', async (t) => {
  const bro = await startBro(t);
  const config = { bro_endpoint: bro.address, uid: 'h1' };
  const { startExtension, directory } = await place(t, config, { flags: UNKEPT });
  const sign = join(directory, 'state', 'alive');
  const time = bro.subscribe('SELECT unix_time AS t FROM time', { interval: 1 });
  const first = startExtension();
  await bro.untilRows(3, time);
  await until('there is a sign of life', () => existsSync(sign));
  first.child.kill('SIGKILL');
  await first.ended;
  const died = Date.now();
  const second = startExtension();
  await bro.untilHolds(() => toldOfMissing(bro).length > 0, 'the word of rows that may be missing');
  const [text = ''] = toldOfMissing(bro);
  const [, from = '', to = ''] =
    /^rows may be missing: from (\S+) to (\S+) results of osquery were not received, and osqueryd has no logger `filesystem` to recover them from$/.exec(
      text,
    ) ?? [];
  assert.ok(Date.parse(from) <= died && Date.parse(to) >= died, text);
  await bro.untilRows(bro.rows(time).length + 2, time);
  second.child.kill('SIGTERM');
  assert.equal(await second.ended, 0);
  assert.equal(existsSync(sign), false);
  const third = startExtension();
  await bro.untilRows(bro.rows(time).length + 2, time);
  third.child.kill('SIGTERM');
  assert.equal(await third.ended, 0);
  assert.equal(toldOfMissing(bro).length, 1);
  const drops: ScheduleEvent[] = [];
  for await (const { event } of timeline(await readLog(join(directory, 'state')), EVERYTHING)) {
    if (event?.type === 'RowsDropped') drops.push(event);
  }
  const { at = 0 } = drops[0] ?? {};
  const reason = text.replace('rows may be missing: ', '');
  const data = { peer: bro.address, rows: 0, reason };
  assert.deepEqual(drops, [{ type: 'RowsDropped', at, cause: null, data }]);
});

test("results in osquery's log during the absence of a killed extension are not reported as missing", async (t) => {
  const bro = await startBro(t);
  const { startExtension, directory } = await place(t, { bro_endpoint: bro.address, uid: 'h1' });
  const sign = join(directory, 'state', 'alive');
  const time = bro.subscribe('SELECT unix_time AS t FROM time', { interval: 1 });
  const first = startExtension();
  await bro.untilRows(3, time);
  await until('there is a sign of life', () => existsSync(sign));
  first.child.kill('SIGKILL');
  await first.ended;
  const { mtimeMs } = statSync(sign);
  const second = startExtension();
  await until('a later sign of life', () => statSync(sign).mtimeMs > mtimeMs);
  await bro.untilRows(bro.rows(time).length + 4, time);
  assert.deepEqual(toldOfMissing(bro), []);
  assert.doesNotMatch(second.log(), /may be missing/);
});

test('results after osquery dropped the registration are reported as missing', async (t) => {
  const bro = await startBro(t);
  const config = { bro_endpoint: bro.address, uid: 'h1' };
  const { startExtension, osquery } = await place(t, config, { flags: UNKEPT });
  const time = bro.subscribe('SELECT unix_time AS t FROM time', { interval: 1 });
  startExtension();
  await bro.untilRows(3, time);
  const [uuid = 0] = (await osquery.extensions()).keys();
  await osquery.deregisterExtension(uuid);
  await bro.untilHolds(() => toldOfMissing(bro).length > 0, 'the word of rows that may be missing');
  await bro.untilRows(bro.rows(time).length + 2, time);
  assert.equal(toldOfMissing(bro).length, 1);
});

test('the extension is itself visible to osquery, and so to its Zeeks', async (t) => {
  const bro = await startBro(t);
  const { startExtension, osquery } = await place(t, { bro_endpoint: bro.address, uid: 'h1', tables: true });
  startExtension();
  await bro.announced('h1');
  const sql = 'SELECT query, interval, update_type FROM bro_subscriptions';
  const own = bro.subscribe(sql, { interval: 1 });
  const [row] = await bro.untilRows(1, own);
  assert.deepEqual(row?.values, [
    { type: 'string', value: sql },
    { type: 'integer', value: 1n },
    { type: 'string', value: 'BOTH' },
  ]);
  const [peer] = await osquery.query('SELECT address, state FROM bro_peers');
  assert.deepEqual(peer, { address: bro.address, state: 'linked.peered' });
  const events = await osquery.query('SELECT version, type FROM bro_events WHERE version <= 2');
  assert.deepEqual(events, [
    { version: '1', type: 'LogStarted' },
    { version: '2', type: 'ExtensionStarted' },
  ]);
  const [delivery] = await osquery.query(
    'SELECT taken = confirmed + dropped + skipped + pending + (taken - journalled) AS adds_up FROM bro_delivery',
  );
  assert.deepEqual(delivery, { adds_up: '1' });
});

test('an osqueryd that waits for its extensions gives its configuration all the same', async (t) => {
  const bro = await startBro(t);
  const { startExtension } = await place(t, { bro_endpoint: bro.address, uid: 'h1' });
  const { log } = startExtension();
  await bro.announced('h1');
  assert.match(log(), /read the configuration from osquery's config plugin filesystem/);
  assert.doesNotMatch(log(), /gives no configuration/);
});

test('a config plugin that is not there yet is asked again within seconds', async (t) => {
  const bro = await startBro(t);
  const flags = ['--config_plugin=probe', '--extensions_require=bro-osquery,probe'];
  const { startExtension, socket } = await place(t, undefined, { flags });
  const { log } = startExtension();
  await until('the extension has no configuration', () =>
    log().includes(
      "osquery's config plugin probe returned no configuration: Cannot call registry item: probe",
    ),
  );
  const config = JSON.stringify({ bro: { bro_endpoint: bro.address, uid: 'h1' } });
  const answer = () => ({ status: { code: 0, message: 'OK', uuid: 0 }, response: [{ probe: config }] });
  const probe = new OsqueryProbe({ manager: socket, answer });
  t.after(() => probe.die());
  await probe.register({ config: { probe: [] } });
  await bro.announced('h1');
});

test('osquery may take the schedule from us as its config plugin', async (t) => {
  const bro = await startBro(t);
  const config = { bro_endpoint: bro.address, uid: 'h1' };
  const { startExtension, directory } = await place(t, config, { flags: ['--config_plugin=bro'] });
  startExtension('--config', join(directory, 'osquery.conf'));
  await bro.announced('h1');
  const users = bro.subscribe(USERS, { interval: 1 });
  await bro.untilRows(1, users);
});

test("one-time queries may run through osquery's distributed machinery", async (t) => {
  const bro = await startBro(t);
  const config = { bro_endpoint: bro.address, uid: 'h1', one_time_queries: 'distributed' };
  const flags = ['--disable_distributed=false', '--distributed_plugin=bro', '--distributed_interval=1'];
  const { startExtension } = await place(t, config, { flags });
  startExtension();
  await bro.announced('h1');
  const once = bro.execute('SELECT 7 AS seven');
  const [row] = await bro.untilRows(1, once);
  assert.deepEqual(row?.values, [{ type: 'integer', value: 7n }]);
  assert.equal(row?.change, 'SNAPSHOT');
});

test('an osqueryd that fetches no queries has them run all the same, and that is said', async (t) => {
  const bro = await startBro(t);
  const config = { bro_endpoint: bro.address, uid: 'h1', one_time_queries: 'distributed' };
  const { startExtension } = await place(t, config);
  const { log } = startExtension();
  await bro.announced('h1');
  await bro.untilRows(1, bro.execute('SELECT 7 AS seven'));
  assert.match(log(), /osqueryd does not fetch distributed queries from this extension/);
});

test('rows of an event table come at the moment of the event, each once', async (t) => {
  const bro = await startBro(t);
  const { startExtension, directory, configure } = await place(
    t,
    {},
    {
      flags: ['--disable_events=false', '--enable_file_events=true', '--config_refresh=1'],
    },
  );
  const watched = join(directory, 'watched');
  mkdirSync(watched);
  const config = { bro_endpoint: bro.address, uid: 'h1' };
  await configure(config, { file_paths: { spec: [`${watched}/%%`] } });
  startExtension();
  await bro.announced('h1');
  const sql = "SELECT target_path, action FROM file_events WHERE action = 'CREATED'";
  const created = bro.subscribe(sql, { interval: 4, updateType: 'ADDED' });
  await until('osquery watches the folder', async () => {
    appendFileSync(join(watched, `probe-${Date.now()}`), 'x');
    return bro.rows(created).length > 0;
  });
  const path = join(watched, 'numbered');
  appendFileSync(path, 'x');
  await bro.untilHolds(
    () =>
      bro.rows(created).some(({ values: [target] }) => target?.type === 'string' && target.value === path),
    'the row of the event',
  );
  // Two runs of the schedule later the row has not come a second time.
  const start = bro.rows(created).length;
  const other = bro.subscribe('SELECT unix_time AS t FROM time', { interval: 1 });
  await bro.untilRows(20, other);
  const paths = bro
    .rows(created)
    .map(({ values: [target] }) => (target?.type === 'string' ? target.value : ''));
  assert.equal(paths.filter((one) => one === path).length, 1);
  assert.equal(paths.length, new Set(paths).size, `${start} rows at first`);
});
