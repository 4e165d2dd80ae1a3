import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import {
  ask,
  callManager,
  deregister,
  type ProbeCall,
  queryColumns,
  queryManager,
  updateConfig,
} from '../support/osquery-probe.ts';
import { newProbe, passing, standin, standinWithProbe } from '../support/standin.ts';

test("the name of a dead extension stays taken until the watcher's next round", async (t) => {
  const running = await standinWithProbe(t, ['--logger_plugin=stdout']);
  const { clock, log, probe } = running;
  await clock.advance(3500);
  await probe.die();
  const next = newProbe(t, running);
  assert.deepEqual(await next.register({ logger: { probe: [] } }), {
    code: 1,
    message: 'Duplicate extension registered',
  });
  await clock.advance(1800);
  assert.equal((await next.register({ logger: { probe: [] } })).code, 1);
  await clock.advance(1000);
  assert.equal(log.at(-1), `extensions.cpp:348] Extension UUID ${probe.uuid} has gone away`);
  assert.deepEqual(await next.register({ logger: { probe: [] } }), { code: 0, message: 'OK' });
});

test('deregistering frees the name at once', async (t) => {
  const running = await standinWithProbe(t);
  assert.equal(await deregister(running.socket, running.probe.uuid), 0);
  assert.equal((await newProbe(t, running).register({ logger: { probe: [] } })).code, 0);
});

test('a socket that is missing at the first check has the time-out to appear, later it has none', async (t) => {
  const flags = [
    '--logger_plugin=stdout',
    '--config_plugin=update',
    '--extensions_timeout=5',
    '--extensions_interval=1',
  ];
  const running = standin(t, flags);
  const { clock, log, osqueryd, socket } = running;
  await osqueryd.start();
  const probe = newProbe(t, running);
  assert.equal((await probe.register({})).code, 0);
  rmSync(`${socket}.${probe.uuid}`);
  const gone = () => log.filter((line) => line.endsWith('has gone away'));
  await clock.advance(5500);
  assert.deepEqual(gone(), []);
  await clock.advance(700);
  assert.deepEqual(gone(), [`extensions.cpp:348] Extension UUID ${probe.uuid} has gone away`]);
  const other = newProbe(t, running);
  await other.register({});
  await clock.advance(1500);
  rmSync(`${socket}.${other.uuid}`);
  await clock.advance(1100);
  assert.equal(log.at(-1), `extensions.cpp:348] Extension UUID ${other.uuid} has gone away`);
});

test('an update from inside a logger call waits for that call', async (t) => {
  const held = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const answer = async ({ request }: ProbeCall) => {
    if (request['string'] !== undefined) {
      entered.resolve();
      await held.promise;
    }
    return { status: { code: 0, message: 'OK', uuid: 0 }, response: [] };
  };
  const { clock, socket } = await standinWithProbe(t, [], answer);
  await updateConfig(socket, 'bro', { schedule: { q: { query: 'SELECT 1', interval: 1 } } });
  await clock.advance(1500);
  await entered.promise;
  const settled: string[] = [];
  const note = (name: string) => () => settled.push(name);
  const update = updateConfig(socket, 'bro', {}).then(note('update'));
  const schedule = queryManager(socket, 'SELECT name FROM osquery_schedule').then(note('schedule'));
  const packs = queryManager(socket, 'SELECT name FROM osquery_packs').then(note('packs'));
  await queryManager(socket, 'SELECT unix_time FROM time');
  await queryColumns(socket, 'SELECT name FROM osquery_schedule');
  await clock.advance(30_000);
  assert.deepEqual(settled, []);
  held.resolve();
  await passing(clock, Promise.all([update, schedule, packs]), 1);
  assert.deepEqual(settled, ['update', 'schedule', 'packs']);
});

test('the table of an extension is asked with the conditions that every row must meet', async (t) => {
  const rows = [
    { k: 'one', v: '1' },
    { k: 'two', v: '2' },
    { k: 'odd', v: 'not a number' },
  ];
  const answer = ({ registry }: ProbeCall) => ({
    status: { code: 0, message: 'OK', uuid: 0 },
    response: registry === 'table' ? rows : [],
  });
  const running = await standinWithProbe(t, [], answer);
  const { clock, socket } = running;
  const tables = newProbe(t, running, answer);
  const column = (name: string, type: string) => ({ id: 'column', name, type, op: '0' });
  await tables.register({ table: { probe_tab: [column('k', 'TEXT'), column('v', 'INTEGER')] } }, 'tables');
  assert.deepEqual((await queryManager(socket, "SELECT v FROM probe_tab WHERE k = 'two' AND v > 1")).rows, [
    { v: '2' },
  ]);
  assert.deepEqual(JSON.parse(tables.calls[0]?.request['context'] ?? ''), {
    constraints: [
      { name: 'k', list: [{ op: 2, expr: 'two' }], affinity: 'TEXT' },
      { name: 'v', list: [{ op: 4, expr: '1' }], affinity: 'INTEGER' },
    ],
    colsUsed: ['v', 'k'],
    colsUsedBitset: 3,
  });
  assert.deepEqual((await queryManager(socket, "SELECT v FROM probe_tab WHERE k = 'odd'")).rows, [{ v: '' }]);
  assert.deepEqual((await queryColumns(socket, 'SELECT * FROM probe_tab')).rows, [
    { k: 'TEXT' },
    { v: 'INTEGER' },
  ]);
  await deregister(socket, tables.uuid);
  await clock.quiet();
  assert.equal(
    (await queryManager(socket, 'SELECT * FROM probe_tab')).message,
    'vtable constructor failed: probe_tab',
  );
});

test('tables without routes or with a name that SQLite refuses are refused', async (t) => {
  const running = await standinWithProbe(t);
  const refused = async (registry: Parameters<ReturnType<typeof newProbe>['register']>[0]) =>
    (await newProbe(t, running).register(registry, 'other')).message;
  assert.equal(await refused({ table: { empty: [] } }), 'Failed adding registry: Invalid route info');
  const routes = [{ id: 'column', name: 'a', type: 'TEXT) --', op: '0' }];
  assert.equal(await refused({ table: { bad: routes } }), 'Failed adding registry: SQLITE_ERROR');
});

test('the wire: unknown methods, old headers, pipelining, garbage (s22)', async (t) => {
  const { osqueryd, socket } = standin(t, ['--logger_plugin=stdout', '--config_plugin=update']);
  await osqueryd.start();
  const strictPing = '800100010000000470696e670000000700';
  const pong =
    '800100020000000470696e67000000070c0000080001000000000b000200000004706f6e670a000300000000000000000000';
  const old = '0000000470696e67010000000900';
  const cases: readonly (readonly [string, string])[] = [
    [
      '80010001000000066e6f73756368000000070 0'.replace(' ', ''),
      '80010003000000066e6f73756368000000070b00010000001d496e76616c6964206d6574686f64206e616d653a20276e6f73756368270800020000000100',
    ],
    [strictPing, pong],
    [old, pong.replace('0000000 70c'.replace(' ', ''), '000000090c')],
    [`${strictPing}${strictPing}`, `${pong}${pong}`],
    [
      '8001000100000005717565727900000007 00'.replace(' ', ''),
      '80010002000000057175657279000000070c00000c0001080001000000000b0002000000024f4b0a00030000000000000000000f00020d000000000000',
    ],
    [Buffer.from('GET / HTTP/1.0\r\n\r\n').toString('hex'), ''],
    [`800100017fffffff${'00'.repeat(8)}`, ''],
  ];
  for (const [request, reply] of cases)
    assert.equal(await exchange(socket, request, reply.length / 2), reply);
});

test('shutdown is answered and ignored; the end removes the sockets', async (t) => {
  const { clock, osqueryd, probe, socket } = await standinWithProbe(t);
  await ask(socket, Buffer.from('8001000100000008736875746 46f776e0000000700'.replace(' ', ''), 'hex'));
  assert.equal(
    (await callManager(socket, 'sql', 'sql', { action: 'query', query: 'SELECT 1 AS a' })).code,
    0,
  );
  osqueryd.stop();
  assert.equal(await passing(clock, osqueryd.ended), 0);
  assert.equal(probe.shutdowns, 1);
  assert.equal(existsSync(socket) || existsSync(`${socket}.${probe.uuid}`), false);
});

/** Sends the bytes, gives what came back until `length` bytes are there or the connection is closed. */
function exchange(path: string, request: string, length: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(Buffer.from(request, 'hex')));
    let bytes = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('close', () => resolve(bytes.toString('hex')));
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length >= length) socket.end();
    });
  });
}
