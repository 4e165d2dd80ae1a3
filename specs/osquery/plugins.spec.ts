import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BRO_TABLES } from '../../src/osquery/bro-tables.ts';
import { parseColumns } from '../../src/osquery/columns.ts';
import {
  configMember,
  configUpdate,
  GEN_CONFIG,
  genConfigResponse,
  parseGenConfig,
  readConfigPluginCall,
  withNonce,
} from '../../src/osquery/config-plugin.ts';
import { distributedQueries, readDistributedCall } from '../../src/osquery/distributed-plugin.ts';
import Extension from '../../src/osquery/generated/Extension.js';
import { LOGGER_FEATURES, readLoggerCall } from '../../src/osquery/logger-call.ts';
import { OsqueryError } from '../../src/osquery/osquery-error.ts';
import { extensionInfo, extensionRegistry } from '../../src/osquery/registration.ts';
import type { Row } from '../../src/osquery/row.ts';
import { parseStatusLog } from '../../src/osquery/status-log.ts';
import { readTableCall, tableRoutes } from '../../src/osquery/table-plugin.ts';
import { MessageSink, readingProtocol, WritingProtocol } from '../../src/osquery/thrift-message.ts';
import { readCallReply, readRecording } from '../support/osquery-recording.ts';

type Request = ReadonlyMap<string, string>;

/** The requests that osqueryd made to a registry of the recorded extension, as our server gives them. */
function recorded(name: string, registry: string): Request[] {
  const requests: Request[] = [];
  const handler = {
    call: async (of: string, _item: string, request: Row) => {
      if (of === registry) requests.push(new Map(Object.entries(request)));
      return {};
    },
  };
  const sink = new MessageSink(() => undefined);
  for (const call of readRecording(name)) {
    if (call.sock !== 'extension' || call.method !== 'call') continue;
    new Extension.Processor(handler).process(
      readingProtocol(call.request, 'bytes'),
      new WritingProtocol(sink),
    );
  }
  return requests;
}

function request(fields: Readonly<Record<string, string>>): Request {
  return new Map(Object.entries(fields));
}

test('each recorded logger call is recognized', () => {
  const kinds = (name: string) => [
    ...new Set(
      recorded(name, 'logger')
        .map(readLoggerCall)
        .map((call) => (call.type === 'result' ? `result ${call.form}` : call.type)),
    ),
  ];
  assert.deepEqual(kinds('s01_basic_update'), ['init', 'features', 'status', 'result line']);
  assert.deepEqual(kinds('s06_batch'), ['init', 'features', 'status', 'result line', 'result snapshot']);
  assert.deepEqual(kinds('s07b_snapshot_events'), ['init', 'features', 'status', 'result snapshot']);
  assert.deepEqual(kinds('s08_logevent'), ['init', 'features', 'status', 'event', 'result line']);
});

test('a logger call that no recording has is recognized as well', () => {
  const cases: readonly [Readonly<Record<string, string>>, ReturnType<typeof readLoggerCall>][] = [
    [
      { init: 'osqueryd', log: '[]' },
      { type: 'init', process: 'osqueryd', log: '[]' },
    ],
    [{ action: 'features' }, { type: 'features' }],
    [
      { string: 'a', category: 'event' },
      { type: 'result', form: 'line', payload: 'a' },
    ],
    [{ string_batch: '["a"]' }, { type: 'result', form: 'batch', payload: '["a"]' }],
    [{ snapshot: '' }, { type: 'result', form: 'snapshot', payload: '' }],
    [{ status: 'true' }, { type: 'status', log: '' }],
    [
      { health: 'x', action: 'y' },
      { type: 'unknown', keys: ['health', 'action'] },
    ],
  ];
  for (const [fields, expected] of cases) assert.deepEqual(readLoggerCall(request(fields)), expected);
  assert.equal(LOGGER_FEATURES.statusLogs | LOGGER_FEATURES.events, 3);
});

test("osquery's status lines are read, in today's form and in the old one with its repeated names", () => {
  const [first] = recorded('s01_basic_update', 'logger')
    .map(readLoggerCall)
    .filter(({ type }) => type === 'status');
  const [line] = parseStatusLog(first?.type === 'status' ? first.log : '');
  assert.deepEqual(line, {
    severity: 'info',
    file: 'init.cpp',
    line: 413,
    message: 'osquery initialized [version=5.23.1]',
    host: 'vm',
    time: 1795496673,
  });
  const old =
    '{"":{"s":"1","f":"a.cpp","i":"3","m":"one: {\\"x\\",]"},"":{"s":"2","f":"b.cpp","i":"4","m":"two"}}';
  assert.deepEqual(parseStatusLog(old), [
    { severity: 'warning', file: 'a.cpp', line: 3, message: 'one: {"x",]', host: '', time: 0 },
    { severity: 'error', file: 'b.cpp', line: 4, message: 'two', host: '', time: 0 },
  ]);
  assert.deepEqual(parseStatusLog(''), []);
  assert.deepEqual(parseStatusLog('{}'), []);
  assert.equal(parseStatusLog('[{"m":"\xc3\xa9\xff"}]')[0]?.message, 'é\udcff');
  for (const bad of ['7', '[', '{"":{"s":1}', '{"":x}']) {
    assert.throws(() => parseStatusLog(bad), OsqueryError, bad);
  }
});

test('columns keep their order and their repetitions', () => {
  assert.deepEqual(
    parseColumns([{ pid: 'BIGINT' }, { pid: 'BIGINT' }, { f: 'unsigned bigint' }, { x: 'FLOAT' }]),
    [
      { name: 'pid', type: 'BIGINT' },
      { name: 'pid', type: 'BIGINT' },
      { name: 'f', type: 'UNSIGNED BIGINT' },
      { name: 'x', type: 'UNKNOWN' },
    ],
  );
});

test('the extension brings its plugins, and its tables only on demand', () => {
  const info = { name: 'bro-osquery', version: '1.2.3', sdkVersion: '5.0.0', minSdkVersion: '0.0.0' };
  assert.deepEqual(extensionInfo('1.2.3'), info);
  const plugins = { logger: { bro: [] }, config: { bro: [] }, distributed: { bro: [] } };
  assert.deepEqual(extensionRegistry({ tables: false }), plugins);
  const { table, ...others } = extensionRegistry({ tables: true });
  assert.deepEqual(others, plugins);
  assert.deepEqual(Object.keys(table ?? {}), [
    'bro_peers',
    'bro_subscriptions',
    'bro_events',
    'bro_delivery',
  ]);
  assert.deepEqual(table?.['bro_events'], [
    { id: 'column', name: 'version', type: 'BIGINT', op: '0' },
    { id: 'column', name: 'time', type: 'DOUBLE', op: '0' },
    { id: 'column', name: 'type', type: 'TEXT', op: '0' },
    { id: 'column', name: 'data', type: 'TEXT', op: '0' },
  ]);
  for (const definition of BRO_TABLES) assert.ok(tableRoutes(definition).length > 0);
});

test('a config update is the recorded one, checked before osquery could drop anything', () => {
  const data = '{"schedule":{}}';
  assert.deepEqual(configUpdate(data), { action: 'update', source: 'bro-osquery', data });
  assert.throws(() => configUpdate('{"schedule":{},}'), { name: 'ConfigTextError', code: 'not_json' });
  assert.equal(withNonce(data, 'n1'), '{"schedule":{},"bro-osquery":"n1"}');
});

test('a member of the configuration is found in whichever source has it', () => {
  assert.deepEqual(GEN_CONFIG, { action: 'genConfig' });
  const sources = parseGenConfig([
    {
      '/etc/osquery/osquery.conf': '// ours\n{"bro": {"uid": "a"}, "schedule": {}}',
      other: '{"bro":{"uid":"b"}}',
    },
    { ignored: '{"bro":1}' },
  ]);
  assert.deepEqual(configMember(sources, 'bro'), { uid: 'b' });
  assert.equal(configMember(sources, 'nosuch'), undefined);
  assert.deepEqual([...parseGenConfig([{}])], []);
  assert.deepEqual([...parseGenConfig([])], []);
});

test('the recorded calls of a config plugin are understood', async () => {
  assert.deepEqual(recorded('s16_all_plugins', 'config').map(readConfigPluginCall), [
    { action: 'genConfig' },
    { action: 'genPack', name: 'pk', value: 'somewhere' },
    { action: 'genConfig' },
  ]);
  const reply = readRecording('s16_all_plugins').find(
    (call) => call.sock === 'extension' && call.method === 'call',
  )?.reply;
  const { response } = await readCallReply(reply ?? Buffer.alloc(0));
  const [text] = parseGenConfig(response ?? []).values();
  assert.deepEqual(genConfigResponse(text ?? ''), [{ 'bro-osquery': response?.[0]?.['main'] }]);
  assert.throws(
    () => readConfigPluginCall(request({ action: 'bogus' })),
    new OsqueryError('protocol', 'unknown config plugin action "bogus"'),
  );
});

test('the recorded calls of a table are understood', () => {
  const equals = (value: string) => ({ column: 'k', operator: '=', value });
  assert.deepEqual(recorded('s16_all_plugins', 'table').map(readTableCall), [
    { action: 'generate', constraints: [equals('one')], columnsUsed: ['v', 'k'] },
    { action: 'generate', constraints: [equals('one')], columnsUsed: ['v', 'k'] },
    {
      action: 'generate',
      constraints: [{ column: 'v', operator: '>', value: '1' }],
      columnsUsed: ['v', 'k'],
    },
    { action: 'generate', constraints: [equals('two')], columnsUsed: ['k'] },
  ]);
  assert.deepEqual(readTableCall(request({ action: 'generate' })), {
    action: 'generate',
    constraints: [],
    columnsUsed: undefined,
  });
  assert.deepEqual(readTableCall(request({ action: 'columns' })), { action: 'columns' });
  const old =
    '{"constraints":[{"name":"k","list":"","affinity":"TEXT"},{"name":"v","list":[{"op":"99","expr":"é"}]}]}';
  assert.deepEqual(
    readTableCall(request({ action: 'generate', context: Buffer.from(old).toString('latin1') })),
    {
      action: 'generate',
      constraints: [{ column: 'v', operator: 'other', value: 'é' }],
      columnsUsed: undefined,
    },
  );
  assert.throws(
    () => readTableCall(request({ action: 'insert' })),
    new OsqueryError('protocol', 'unknown table plugin action "insert"'),
  );
});

test('the recorded calls of a distributed plugin are understood, and its answers written as recorded', async () => {
  const [ask, write] = recorded('s16_all_plugins', 'distributed').map(readDistributedCall);
  assert.deepEqual(ask, { action: 'getQueries' });
  assert.deepEqual(write, {
    action: 'writeResults',
    results: [
      { id: 'd1', status: 0, message: '', rows: [{ a: '1' }] },
      { id: 'd2', status: 1, message: 'no such table: nosuch', rows: [] },
    ],
  });
  assert.deepEqual(
    distributedQueries(
      [
        { id: 'd1', sql: 'SELECT 1 AS a' },
        { id: 'd2', sql: 'SELECT * FROM nosuch' },
      ],
      { accelerate: 2 },
    ),
    [{ results: '{"queries":{"d1":"SELECT 1 AS a","d2":"SELECT * FROM nosuch"},"accelerate":2}' }],
  );
  assert.deepEqual(distributedQueries([]), [{ results: '{"queries":{}}' }]);
  assert.throws(() => readDistributedCall(request({ action: 'writeResults', results: '{' })), OsqueryError);
});
