import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BinaryWriter, MESSAGE, TYPE } from '../../src/sandbox/osqueryd/thrift/binary-writer.ts';
import {
  callManager,
  type ProbeAnswer,
  type ProbeCall,
  queryManager,
  updateConfig,
} from '../support/osquery-probe.ts';
import { newProbe, passing, standin, standinWithProbe, temporaryDirectory } from '../support/standin.ts';

const OK: ProbeAnswer = { status: { code: 0, message: 'OK', uuid: 0 }, response: [] };
const EVERY_SECOND = { schedule: { q: { query: 'SELECT unix_time FROM time', interval: 1 } } };

function failing(code: number, message: string): ProbeAnswer {
  return { status: { code, message, uuid: 0 }, response: [] };
}

/** Answers results with `answer` and everything else well. */
function onResults(answer: ProbeAnswer): (call: ProbeCall) => ProbeAnswer {
  return ({ request }) => ((request['string'] ?? request['snapshot']) ? answer : OK);
}

const exception = new BinaryWriter()
  .messageBegin('call', MESSAGE.exception, 0)
  .field(TYPE.string, 1)
  .string('boom')
  .field(TYPE.i32, 2)
  .i32(6)
  .stop()
  .finish();
const withoutSuccess = new BinaryWriter().messageBegin('call', MESSAGE.reply, 0).stop().finish();

const FATAL: readonly (readonly [string, ProbeAnswer, string])[] = [
  ['a status other than 0', failing(1, 'probe failure'), 'probe failure'],
  ['any other code', failing(7, 'nope'), 'nope'],
  ['a connection that closes without a reply', 'close', 'Extension call failed: No more data to read.'],
  ['an exception', exception, 'Extension call failed: boom'],
  ['a reply without a result', withoutSuccess, 'Extension call failed: call failed: unknown result'],
];

for (const [what, answer, message] of FATAL) {
  test(`${what} to a result ends osqueryd with 78 after it told the extension to end`, async (t) => {
    const { clock, log, osqueryd, probe, socket } = await standinWithProbe(t, [], onResults(answer));
    await updateConfig(socket, 'bro', EVERY_SECOND);
    assert.equal(await passing(clock, osqueryd.ended), 78);
    assert.equal(log.at(-1), `shutdown.cpp:80] Error logging the results of query: q: ${message}`);
    assert.equal(probe.shutdowns, 1);
  });
}

test('a failing snapshot line ends osqueryd as well', async (t) => {
  const { clock, log, osqueryd, socket } = await standinWithProbe(t, [], onResults(failing(2, 'nope')));
  await updateConfig(socket, 'bro', { schedule: { sn: { query: 'SELECT 1', interval: 1, snapshot: true } } });
  assert.equal(await passing(clock, osqueryd.ended), 78);
  assert.equal(log.at(-1), 'shutdown.cpp:80] Error logging the results of query: sn: nope');
});

test('a dead logger extension ends osqueryd with the path of its socket', async (t) => {
  const { clock, log, osqueryd, probe, socket } = await standinWithProbe(t);
  await updateConfig(socket, 'bro', EVERY_SECOND);
  await clock.advance(1000);
  await probe.die();
  assert.equal(await passing(clock, osqueryd.ended), 78);
  const path = `${socket}.${probe.uuid}`;
  assert.ok(
    log.includes(
      `shutdown.cpp:80] Error logging the results of query: q: Extension socket not available: ${path}`,
    ),
  );
});

test('only the status of the last line of a run counts', async (t) => {
  const answer = ({ request }: ProbeCall) =>
    request['string']?.includes('"removed"') ? failing(1, 'no') : OK;
  const { clock, probe, osqueryd, socket } = await standinWithProbe(t, [], answer);
  await updateConfig(socket, 'bro', EVERY_SECOND);
  await clock.advance(4000);
  assert.ok(probe.calls.some(({ request }) => request['string']?.includes('"removed"')));
  osqueryd.stop();
  assert.equal(await passing(clock, osqueryd.ended), 0);
});

test('only the last plugin of --logger_plugin counts', async (t) => {
  const path = join(import.meta.dirname, '../../node_modules/.none');
  const flags = ['--logger_plugin=probe,filesystem', `--logger_path=${path}`];
  const { clock, directory, osqueryd, probe, socket } = await standinWithProbe(t, flags, onResults('close'));
  await updateConfig(socket, 'bro', { options: { logger_path: directory }, ...EVERY_SECOND });
  await clock.advance(2000);
  await probe.die();
  await clock.advance(5000);
  osqueryd.stop();
  assert.equal(await passing(clock, osqueryd.ended), 0);
  const lines = readFileSync(join(directory, 'osqueryd.results.log'), 'utf8').trim().split('\n');
  assert.equal(JSON.parse(lines[0] ?? '').action, 'added');
  assert.ok(lines.length > 8);
});

test('with the extension last its death is the end, named or forgotten', async (t) => {
  const { clock, directory, log, osqueryd, probe, socket } = await standinWithProbe(t, [
    '--logger_plugin=filesystem,probe',
  ]);
  await updateConfig(socket, 'bro', { options: { logger_path: directory } });
  await probe.die();
  await clock.advance(6000);
  await updateConfig(socket, 'bro', EVERY_SECOND);
  assert.equal(await passing(clock, osqueryd.ended), 78);
  assert.equal(
    log.at(-1),
    'shutdown.cpp:80] Error logging the results of query: q: Cannot call registry item: probe',
  );
});

test("what init, features and status answer doesn't matter", async (t) => {
  const answer = ({ request }: ProbeCall) => (request['string'] === undefined ? failing(1, 'no') : OK);
  const { clock, osqueryd, probe, socket } = await standinWithProbe(t, [], answer);
  await updateConfig(socket, 'bro', EVERY_SECOND);
  await clock.advance(5000);
  assert.ok(probe.calls.some(({ request }) => request['status'] === 'true'));
  osqueryd.stop();
  assert.equal(await passing(clock, osqueryd.ended), 0);
});

test('a logger without the status feature gets no status lines', async (t) => {
  const { clock, probe, socket } = await standinWithProbe(t, ['--verbose']);
  await updateConfig(socket, 'bro', EVERY_SECOND);
  await clock.advance(7000);
  assert.equal(probe.calls.filter(({ request }) => request['status'] !== undefined).length, 0);
});

test('a logger plugin that nobody offers ends osqueryd at once', async (t) => {
  const { clock, log, osqueryd } = standin(t, ['--logger_plugin=probe', '--config_plugin=update']);
  await osqueryd.start();
  assert.equal(await passing(clock, osqueryd.ended), 78);
  assert.equal(
    log.at(-1),
    'shutdown.cpp:80] Cannot activate probe logger plugin: Unknown registry plugin: probe',
  );
});

test('a required extension has the time-out to appear, and its absence is only a warning', async (t) => {
  const flags = ['--logger_plugin=stdout', '--config_plugin=update', '--extensions_require=probe'];
  const { clock, log, osqueryd } = standin(t, [...flags, '--extensions_timeout=2']);
  void osqueryd.start();
  await clock.advance(1900);
  assert.deepEqual(log, []);
  await clock.advance(200);
  assert.deepEqual(log, ['extensions.cpp:574] Required extension not found or not loaded: probe']);
  osqueryd.stop();
  assert.equal(await passing(clock, osqueryd.ended), 0);
});

test('a call that names no plugin is refused until there is an active one', async (t) => {
  const config = join(temporaryDirectory(t), 'osquery.conf');
  writeFileSync(config, '{}');
  const flags = ['--logger_plugin=probe,stdout', `--config_path=${config}`, '--extensions_require=probe'];
  const running = standin(t, [...flags, '--extensions_timeout=2']);
  const { clock, osqueryd, socket } = running;
  const asked = async (registry: string, item = '') => {
    const { code, message, rows } = await callManager(socket, registry, item, { action: 'genConfig' });
    return code === 0 ? rows : message;
  };
  void osqueryd.start();
  await clock.advance(500);
  assert.equal(await asked('config'), 'Cannot call registry item: ');
  assert.equal(await asked('logger'), 'Cannot call registry item: ');
  assert.deepEqual(await asked('config', 'filesystem'), [{ [config]: '{}' }]);
  const actives = () =>
    queryManager(socket, "SELECT name FROM osquery_registry WHERE registry = 'config' AND active = 1");
  assert.deepEqual((await actives()).rows, [{ name: 'filesystem' }, { name: 'tls' }, { name: 'update' }]);
  const probe = newProbe(t, running);
  await probe.register({ logger: { probe: [] } });
  await clock.advance(500);
  assert.deepEqual(await asked('config'), [{ [config]: '{}' }]);
  assert.deepEqual((await actives()).rows, [{ name: 'filesystem' }]);
  // Several at a time are all called, and never fail.
  assert.deepEqual(await asked('logger'), []);
  assert.deepEqual(probe.calls.at(-1)?.request, { action: 'genConfig' });
  assert.deepEqual(await asked('config', 'nosuch,update'), [{}]);
  // A registry that no flag chooses a plugin of never has one.
  assert.equal(await asked('sql'), 'Cannot call registry item: ');
});
