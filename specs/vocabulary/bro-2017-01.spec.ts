import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boolean, count, integer, string, vector } from '../../src/broker/data.ts';
import { parseIpAddress } from '../../src/broker/ip-address.ts';
import { bro201701 } from '../../src/vocabulary/bro-2017-01.ts';
import type { Column, Query, ResultRow } from '../../src/vocabulary/model.ts';
import { sampleHost } from '../support/sample-host.ts';
import { zeekEvent } from '../support/zeek-requests.ts';

const vocabulary = bro201701('/bro/osquery');
const host = sampleHost();
const session = { at: 1_795_495_464_000, connectionId: 'c1' };

function address(text: string) {
  const parsed = parseIpAddress(text);
  assert.ok(parsed);
  return parsed;
}

const QUERY: Query = {
  vocabulary: 'bro-2017-01',
  event: 'osquery::process_new',
  sql: 'SELECT pid, name FROM processes',
  cookie: '',
  responseTopic: '/bro/osquery/all',
  updateType: 'BOTH',
  initialRows: true,
  queryId: '',
  zeekInstance: '',
};

test('a host listens for all, for itself, and for its groups and what encloses them', () => {
  assert.deepEqual(vocabulary.filter(host), [
    '/bro/osquery/all',
    '/bro/osquery/uid/h1',
    '/bro/osquery/group/geo/de/hamburg',
    '/bro/osquery/group/geo/de',
    '/bro/osquery/group/geo',
    '/bro/osquery/group/servers',
  ]);
});

test('a host announces itself with its groups and addresses', () => {
  assert.deepEqual(vocabulary.announceTopics(host), ['/bro/osquery/announces']);
  assert.deepEqual(vocabulary.announcement(host, session), [
    {
      topic: '/bro/osquery/announces',
      event: {
        name: 'osquery::host_new',
        args: [
          string('h1'),
          vector([string('geo/de/hamburg'), string('servers')]),
          vector([address('10.1.2.3'), address('fe80::1')]),
        ],
      },
    },
  ]);
  assert.deepEqual(vocabulary.farewell(host, session), []);
});

test('host_subscribe asks for a query every 10 s, its rows to come where the request came in', () => {
  const subscribe = zeekEvent(
    'osquery::host_subscribe',
    'osquery::process_new',
    'SELECT pid, name FROM processes',
    'BOTH',
    boolean(true),
  );
  assert.deepEqual(vocabulary.decode('/bro/osquery/all', subscribe, host), {
    outcome: 'request',
    request: {
      type: 'subscribe',
      query: { ...QUERY, interval: 10 },
      requiresTables: [],
      ifMissingTables: [],
    },
    audience: { to: 'all' },
    topic: '/bro/osquery/all',
  });
});

test('without init_dump the rows of the first run are not wanted', () => {
  const subscribe = zeekEvent('osquery::host_subscribe', 'ev', 'SELECT 1', 'ADD', boolean(false));
  assert.deepEqual(vocabulary.decode('/bro/osquery/uid/h1', subscribe, host), {
    outcome: 'request',
    request: {
      type: 'subscribe',
      query: {
        ...QUERY,
        event: 'ev',
        sql: 'SELECT 1',
        responseTopic: '/bro/osquery/uid/h1',
        updateType: 'ADDED',
        initialRows: false,
        interval: 10,
      },
      requiresTables: [],
      ifMissingTables: [],
    },
    audience: { to: 'host' },
    topic: '/bro/osquery/uid/h1',
  });
});

test('host_unsubscribe means a query by its SQL, host_query runs one once', () => {
  const unsubscribe = zeekEvent('osquery::host_unsubscribe', 'ev', 'SELECT 1', 'REMOVED', boolean(false));
  assert.deepEqual(vocabulary.decode('/bro/osquery/group/geo', unsubscribe, host), {
    outcome: 'request',
    request: { type: 'unsubscribe', vocabulary: 'bro-2017-01', match: { by: 'sql', sql: 'SELECT 1' } },
    audience: { to: 'group', group: 'geo' },
    topic: '/bro/osquery/group/geo',
  });
  const query = zeekEvent(
    'osquery::host_query',
    'osquery::process_new',
    'SELECT pid, name FROM processes',
    'BOTH',
  );
  assert.deepEqual(vocabulary.decode('/bro/osquery/all', query, host), {
    outcome: 'request',
    request: { type: 'execute', query: QUERY, requiresTables: [], ifMissingTables: [] },
    audience: { to: 'all' },
    topic: '/bro/osquery/all',
  });
});

test('what is addressed to another is not for this host, even where Broker lets it through', () => {
  const query = zeekEvent('osquery::host_query', 'ev', 'SELECT 1', 'BOTH');
  for (const topic of [
    '/bro/osquery/uid/h10',
    '/bro/osquery/uid/h1/x',
    '/bro/osquery/group/geo/de/hamburg/altona',
    '/bro/osquery/group/geo/',
    '/bro/osquery/group/',
    '/bro/osquery/allx',
    '/bro/osquery/announces',
  ])
    assert.equal(vocabulary.decode(topic, query, host), undefined, topic);
});

test('events of other vocabularies are not for this one', () => {
  for (const name of ['osquery::host_execute', 'osquery::hosts::host_subscribe', 'host_query', 'toString'])
    assert.equal(vocabulary.decode('/bro/osquery/all', zeekEvent(name), host), undefined);
});

test('rows carry uid, trigger and the columns in alphabetical order of their names', () => {
  const columns: readonly Column[] = [
    { name: 'pid', type: 'BIGINT' },
    { name: 'name', type: 'TEXT' },
    { name: 'Path', type: 'TEXT' },
    { name: 'pid', type: 'BIGINT' },
  ];
  const encode = vocabulary.rowEncoder(QUERY, columns, host);
  const row: ResultRow = {
    change: 'ADDED',
    initial: true,
    unixTime: 1_795_495_464,
    columns: { pid: '42', name: 'sh', Path: '/bin/sh' },
  };
  const event = (trigger: string) => ({
    topic: '/bro/osquery/all',
    event: {
      name: 'osquery::process_new',
      args: [string('h1'), string(trigger), string('/bin/sh'), string('sh'), integer(42)],
    },
  });
  assert.deepEqual(encode(row), event('ADDED'));
  assert.deepEqual(encode({ ...row, change: 'REMOVED', initial: false }), event('REMOVED'));
  assert.deepEqual(encode({ ...row, change: 'SNAPSHOT', initial: false }), event('SNAPSHOT'));
});

test('log lines, warnings and errors go to the announce topic', () => {
  for (const level of ['log', 'warning', 'error'] as const)
    assert.deepEqual(
      vocabulary.notice({ level, text: 'no such table: nosuch' }, host, { at: 0, packageVersion: '' }),
      {
        topic: '/bro/osquery/announces',
        event: { name: `osquery::host_${level}`, args: [string('h1'), string('no such table: nosuch')] },
      },
    );
});

test('a notice about a query names it, however long it is', () => {
  const peer = { at: 0, packageVersion: '' };
  const text = (query: Query) =>
    vocabulary.notice({ level: 'error', text: 'no such table', query }, host, peer)?.event.args[1];
  assert.deepEqual(
    text(QUERY),
    string('no such table (query for osquery::process_new: SELECT pid, name FROM processes)'),
  );
  assert.deepEqual(
    text({ ...QUERY, sql: 'x'.repeat(201) }),
    string(`no such table (query for osquery::process_new: ${'x'.repeat(200)}…)`),
  );
});

test('a malformed request is answered with what was expected and what came', () => {
  const expected =
    'expected osquery::host_subscribe(ev: string, query: string, utype: string, init_dump: bool)';
  const cases: readonly [Parameters<typeof zeekEvent>, string][] = [
    [['osquery::host_subscribe'], `got 0 arguments (); ${expected}`],
    [['osquery::host_subscribe', 'ev'], `got 1 argument (string); ${expected}`],
    [
      ['osquery::host_subscribe', 'ev', 'SELECT 1', 'BOTH', count(1)],
      `argument 4 (init_dump) must be a boolean, got the count 1; ${expected}`,
    ],
    [
      ['osquery::host_subscribe', 'ev', 'SELECT 1', 'ALL', boolean(true)],
      `argument 3 (utype) must be one of ADDED, REMOVED, BOTH, SNAPSHOT, got the string "ALL"; ${expected}`,
    ],
    [
      ['osquery::host_subscribe', '', 'SELECT 1', 'BOTH', boolean(true)],
      `argument 1 (ev) must be the name of a Zeek event, got the string ""; ${expected}`,
    ],
    [
      ['osquery::host_subscribe', 'ev', ' ', 'BOTH', boolean(true)],
      `argument 2 (query) must be an SQL statement, got the string " "; ${expected}`,
    ],
    [
      ['osquery::host_subscribe', 'ev', vector([]), 'BOTH', boolean(true)],
      `argument 2 (query) must be a string, got vector; ${expected}`,
    ],
  ];
  for (const [event, problem] of cases)
    assert.deepEqual(vocabulary.decode('/bro/osquery/all', zeekEvent(...event), host), {
      outcome: 'malformed',
      vocabulary: 'bro-2017-01',
      topic: '/bro/osquery/all',
      problem,
    });
});
