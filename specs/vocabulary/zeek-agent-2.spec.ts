import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  count,
  type Data,
  enumValue,
  integer,
  none,
  set,
  string,
  timespan,
  timestamp,
  vector,
} from '../../src/broker/data.ts';
import { ipAddresses } from '../../src/broker/ip-address.ts';
import type { Column, Query, ResultRow } from '../../src/vocabulary/model.ts';
import {
  agentVersionNumber,
  helloForms,
  platformName,
  versionNumber,
  zeekAgent2,
} from '../../src/vocabulary/zeek-agent-2.ts';
import { sampleHost } from '../support/sample-host.ts';
import { zeekEvent } from '../support/zeek-requests.ts';

const vocabulary = zeekAgent2('/zeek-agent');
const host = sampleHost({ groups: ['Servers/Web'], platform: 'Linux' });
const TO_HOST = '/zeek-agent/query/host/h1';

const QUERY: Query = {
  vocabulary: 'zeek-agent-2',
  event: 'ZeekAgent_Processes::query_result',
  sql: 'SELECT name, pid FROM processes',
  cookie: '',
  responseTopic: '/zeek-agent/response/zeek_1/h1',
  updateType: 'BOTH',
  initialRows: true,
  queryId: 'za_1',
  zeekInstance: 'zeek_1',
};

function install(changes: readonly [index: number, value: Data][] = []) {
  const fields: Data[] = [
    string('SELECT name, pid FROM processes'),
    timespan(30_000_000_000n),
    enumValue('ZeekAgent::SnapshotPlusDifferences'),
    vector([string('ZeekAgent_Processes::query_result')]),
    none,
    set([string('processes')]),
    set([]),
  ];
  for (const [index, value] of changes) fields[index] = value;
  return zeekEvent('ZeekAgentAPI::install_query_v1', 'zeek_1', 'za_1', vector(fields));
}

test('a host listens for itself and, by two topics each, for all, its platform and its groups', () => {
  assert.deepEqual(vocabulary.filter(host), [
    '/zeek-agent/query/host/h1',
    '/zeek-agent/query/group/all',
    '/zeek-agent/query/group/h1/all',
    '/zeek-agent/query/group/linux',
    '/zeek-agent/query/group/h1/linux',
    '/zeek-agent/query/group/servers/web',
    '/zeek-agent/query/group/h1/servers/web',
    '/zeek-agent/query/group/servers',
    '/zeek-agent/query/group/h1/servers',
  ]);
});

test('the hello describes the host, is repeated each minute, and carries an id of its connection', () => {
  assert.equal(vocabulary.helloInterval, 60);
  assert.deepEqual(vocabulary.announceTopics(host), ['/zeek-agent/response/all/h1']);
  assert.deepEqual(
    vocabulary.announcement(host, { at: 1_795_495_464_250, connectionId: 'c1', zeekVersion: '8.2.0' }),
    [
      {
        topic: '/zeek-agent/response/all/h1',
        event: {
          name: 'ZeekAgentAPI::agent_hello_v1',
          args: [
            vector([
              string('h1'),
              timestamp(1_795_495_464_250_000_000n),
              string('agent_hello_c1'),
              none,
              none,
            ]),
            vector([
              string('h1'),
              string('instance-1'),
              string('web-1'),
              set(ipAddresses(['10.1.2.3', 'fe80::1'])),
              string('Linux'),
              string('Debian GNU/Linux 13'),
              string('Linux'),
              string('6.12.1'),
              string('x86_64'),
              count(102030000),
              timespan(3_600_000_000_000n),
              set([string('processes'), string('users')]),
            ]),
          ],
        },
      },
    ],
  );
});

test('the hello has the form that the Zeek there understands; both while that is not known', () => {
  const at = { at: 0, connectionId: 'c1' };
  const cases: readonly [zeekVersion: string, packageVersion: string, forms: readonly string[]][] = [
    ['', '', ['without-broker', 'with-broker']],
    ['8.2.0', '', ['without-broker']],
    ['9.0.0-rc1', '', ['without-broker']],
    ['8.0.10', '', ['with-broker']],
    ['2.8.0-dev', '', ['with-broker']],
    ['8.2.0', '2.3.0-dev', ['with-broker']],
    ['8.2.0', '2.4', ['without-broker']],
  ];
  for (const [zeekVersion, packageVersion, forms] of cases)
    assert.deepEqual(
      helloForms({ ...at, zeekVersion, packageVersion }),
      forms,
      `${zeekVersion} ${packageVersion}`,
    );
  const record = (zeekVersion: string) => {
    const [, info] = vocabulary.announcement(host, { ...at, zeekVersion })[0]?.event.args ?? [];
    assert.ok(info?.type === 'vector');
    return info.values;
  };
  assert.deepEqual(record('8.0.10').toSpliced(10, 1), record('8.2.0'));
  assert.deepEqual(record('8.0.10')[10], none);
});

test('what a host does not know of itself stays unset', () => {
  const unknown = sampleHost({
    hostname: '',
    platform: '',
    kernelName: '',
    osName: '',
    addresses: ['fe80::1%eth0'],
    tables: [],
  });
  const [hello] = vocabulary.announcement(unknown, { at: 0, connectionId: 'c1' });
  assert.deepEqual(hello?.event.args[1], {
    type: 'vector',
    values: [
      string('h1'),
      string('instance-1'),
      none,
      set([]),
      none,
      none,
      none,
      string('6.12.1'),
      string('x86_64'),
      count(102030000),
      timespan(3_600_000_000_000n),
      set([]),
    ],
  });
});

test('the platform is called as Zeek Agent calls it, and is a group, as the distribution is', () => {
  const debian = sampleHost({ groups: [], platform: 'debian', kernelName: 'Linux' });
  assert.equal(platformName(debian), 'Linux');
  assert.deepEqual(vocabulary.filter(debian), [
    '/zeek-agent/query/host/h1',
    '/zeek-agent/query/group/all',
    '/zeek-agent/query/group/h1/all',
    '/zeek-agent/query/group/linux',
    '/zeek-agent/query/group/h1/linux',
    '/zeek-agent/query/group/debian',
    '/zeek-agent/query/group/h1/debian',
  ]);
  assert.deepEqual(
    ['darwin', 'win32', 'freebsd'].map((kernelName) => platformName({ kernelName, platform: 'x' })),
    ['Darwin', 'Windows', 'x'],
  );
});

test('a version is numbered the way zeek-agent does', () => {
  assert.equal(versionNumber('2.4.1'), 20401);
  assert.equal(versionNumber('2.4.0-dev.3'), 20400);
  assert.equal(versionNumber('x'), 0);
  assert.equal(agentVersionNumber('2.4.1'), 204_010_000);
});

test('install_query with a schedule subscribes', () => {
  assert.deepEqual(vocabulary.decode('/zeek-agent/query/group/all', install(), host), {
    outcome: 'request',
    request: {
      type: 'subscribe',
      query: { ...QUERY, interval: 30 },
      requiresTables: ['processes'],
      ifMissingTables: [],
    },
    audience: { to: 'all' },
    topic: '/zeek-agent/query/group/all',
  });
});

test('each kind of subscription says which rows are wanted', () => {
  for (const [kind, updateType, initialRows] of [
    ['Snapshots', 'SNAPSHOT', true],
    ['Differences', 'BOTH', false],
    ['SnapshotPlusDifferences', 'BOTH', true],
    ['Events', 'ADDED', false],
  ] as const) {
    const decoded = vocabulary.decode(TO_HOST, install([[2, enumValue(`ZeekAgent::${kind}`)]]), host);
    assert.ok(decoded?.outcome === 'request' && decoded.request.type === 'subscribe');
    assert.deepEqual(decoded.request.query, { ...QUERY, updateType, initialRows, interval: 30 });
  }
});

test('without a schedule, or with one of zero, a query runs once', () => {
  for (const schedule of [none, timespan(0n)]) {
    const event = install([
      [1, schedule],
      [2, enumValue('ZeekAgent::Snapshots')],
      [4, string('my cookie')],
      [6, set([string('sockets')])],
    ]);
    assert.deepEqual(vocabulary.decode(TO_HOST, event, host), {
      outcome: 'request',
      request: {
        type: 'execute',
        query: { ...QUERY, updateType: 'SNAPSHOT', cookie: 'my cookie' },
        requiresTables: ['processes'],
        ifMissingTables: ['sockets'],
      },
      audience: { to: 'host' },
      topic: TO_HOST,
    });
  }
});

test('a schedule is whole seconds, at least one, at most a week', () => {
  for (const [nanoseconds, interval] of [
    [1n, 1],
    [1_000_000_001n, 2],
    [10n ** 18n, 604_800],
  ] as const) {
    const decoded = vocabulary.decode(TO_HOST, install([[1, timespan(nanoseconds)]]), host);
    assert.ok(decoded?.outcome === 'request' && decoded.request.type === 'subscribe');
    assert.equal(decoded.request.query.interval, interval);
  }
});

test('fields that a later version adds to the query are passed over', () => {
  const later = install([[7, string('new in 2027')]]);
  assert.deepEqual(vocabulary.decode(TO_HOST, later, host), vocabulary.decode(TO_HOST, install(), host));
});

test('cancel, hello and shutdown name the Zeek instance', () => {
  const cancel = zeekEvent('ZeekAgentAPI::cancel_query_v1', 'zeek_1', 'za_1');
  const hello = zeekEvent(
    'ZeekAgentAPI::zeek_hello_v1',
    'zeek_1',
    vector([string('8.2.0'), count(80200), string('2.4')]),
  );
  const shutdown = zeekEvent('ZeekAgentAPI::zeek_shutdown_v1', 'zeek_1');
  const group = '/zeek-agent/query/group/h1/servers';
  for (const [event, request] of [
    [
      cancel,
      {
        type: 'unsubscribe',
        vocabulary: 'zeek-agent-2',
        match: { by: 'queryId', zeekInstance: 'zeek_1', queryId: 'za_1' },
      },
    ],
    [
      hello,
      {
        type: 'greet',
        vocabulary: 'zeek-agent-2',
        zeekInstance: 'zeek_1',
        zeekVersion: '8.2.0',
        packageVersion: '2.4',
      },
    ],
    [shutdown, { type: 'farewell', vocabulary: 'zeek-agent-2', zeekInstance: 'zeek_1' }],
  ] as const)
    assert.deepEqual(vocabulary.decode(group, event, host), {
      outcome: 'request',
      request,
      audience: { to: 'group', group: 'Servers' },
      topic: group,
    });
});

test('topics of others are not for this host', () => {
  for (const topic of [
    '/zeek-agent/query/host/h10',
    '/zeek-agent/query/group/h10/all',
    '/zeek-agent/query/group/windows',
    '/zeek-agent/query/group/linuxish',
    '/zeek-agent/response/all/h1',
  ])
    assert.equal(vocabulary.decode(topic, install(), host), undefined, topic);
});

test('rows carry a context and a record of the columns, NULL unset, change only for changes', () => {
  const columns: readonly Column[] = [
    { name: 'name', type: 'TEXT' },
    { name: 'pid', type: 'BIGINT' },
  ];
  const row: ResultRow = {
    change: 'ADDED',
    initial: false,
    unixTime: 1_795_495_464,
    columns: { name: 'sh', pid: '' },
  };
  const event = (change: Data, cookie: Data = none) => ({
    topic: '/zeek-agent/response/zeek_1/h1',
    event: {
      name: 'ZeekAgent_Processes::query_result',
      args: [
        vector([string('h1'), timestamp(1_795_495_464_000_000_000n), string('za_1'), change, cookie]),
        vector([string('sh'), none]),
      ],
    },
  });
  const encode = vocabulary.rowEncoder(QUERY, columns, host);
  assert.deepEqual(encode(row), event(enumValue('ZeekAgent::Add')));
  assert.deepEqual(encode({ ...row, change: 'REMOVED' }), event(enumValue('ZeekAgent::Delete')));
  assert.deepEqual(encode({ ...row, initial: true }), event(none));
  assert.deepEqual(encode({ ...row, change: 'SNAPSHOT' }), event(none));
  const events = vocabulary.rowEncoder({ ...QUERY, updateType: 'ADDED', cookie: 'c' }, columns, host);
  assert.deepEqual(events({ ...row, initial: true }), event(enumValue('ZeekAgent::Add'), string('c')));
  const zeros = vocabulary.rowEncoder(QUERY, columns, host, { nullPolicy: 'zero' })(row);
  assert.ok(!('problem' in zeros));
  assert.deepEqual(zeros.event.args[1], vector([string('sh'), integer(0)]));
});

test('errors go where the rows of the query go, or to every Zeek', () => {
  const peer = { at: 1_795_495_464_000, packageVersion: '' };
  const time = timestamp(1_795_495_464_000_000_000n);
  assert.deepEqual(
    vocabulary.notice({ level: 'error', text: 'no such table: x', query: QUERY }, host, peer),
    {
      topic: '/zeek-agent/response/zeek_1/h1',
      event: {
        name: 'ZeekAgentAPI::agent_error_v1',
        args: [vector([string('h1'), time, string('za_1'), none, none]), string('no such table: x')],
      },
    },
  );
  assert.deepEqual(vocabulary.notice({ level: 'warning', text: 'odd' }, host, peer), {
    topic: '/zeek-agent/response/all/h1',
    event: {
      name: 'ZeekAgentAPI::agent_error_v1',
      args: [vector([string('h1'), time, none, none, none]), string('odd')],
    },
  });
  assert.equal(vocabulary.notice({ level: 'log', text: 'fine' }, host, peer), undefined);
});

test('a clean shutdown is announced to every Zeek', () => {
  assert.deepEqual(vocabulary.farewell(host, { at: 1_795_495_464_000, connectionId: 'c1' }), [
    {
      topic: '/zeek-agent/response/all/h1',
      event: {
        name: 'ZeekAgentAPI::agent_shutdown_v1',
        args: [vector([string('h1'), timestamp(1_795_495_464_000_000_000n), none, none, none])],
      },
    },
  ]);
});

test('a malformed request is answered with what was expected and what came', () => {
  const expected =
    'expected ZeekAgentAPI::install_query_v1(zeek_instance: string, query_id: string, query: ZeekAgent::Query)';
  const cases: readonly [ReturnType<typeof zeekEvent>, string][] = [
    [install([[0, count(1)]]), `argument 1 (sql_stmt) must be a string, got the count 1; ${expected}`],
    [
      install([[1, count(30)]]),
      `argument 2 (schedule_) must be an interval of up to 604800 s, got the count 30; ${expected}`,
    ],
    [
      install([[2, enumValue('ZeekAgent::Everything')]]),
      `argument 3 (subscription) must be a ZeekAgent::SubscriptionType, got the enum value ZeekAgent::Everything; ${expected}`,
    ],
    [install([[3, vector([])]]), `argument 4 (event_) must be a Zeek event, got vector; ${expected}`],
    [
      install([[4, count(1)]]),
      `argument 3 (query) must be a record whose cookie is a string, got vector; ${expected}`,
    ],
    [
      install([[5, set([count(1)])]]),
      `argument 3 (query) must be a record whose requires_tables is a set of strings, got vector; ${expected}`,
    ],
    [
      zeekEvent('ZeekAgentAPI::install_query_v1', 'zeek_1', 'za_1', vector([string('SELECT 1')])),
      `argument 3 (query) must be made of records with 4 fields, got vector; ${expected}`,
    ],
    [
      zeekEvent('ZeekAgentAPI::install_query_v1', 'zeek_1', '', vector([])),
      `argument 2 (query_id) must be the query's id, got the string ""; ${expected}`,
    ],
  ];
  for (const [event, problem] of cases)
    assert.deepEqual(vocabulary.decode(TO_HOST, event, host), {
      outcome: 'malformed',
      vocabulary: 'zeek-agent-2',
      topic: TO_HOST,
      problem,
    });
});
