import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { count, enumValue, set, string, timestamp, vector } from '../../src/broker/data.ts';
import { ipAddresses } from '../../src/broker/ip-address.ts';
import type { RepeatedQuery } from '../../src/vocabulary/model.ts';
import { queryDigest } from '../../src/vocabulary/query-digest.ts';
import { zeekOsquery } from '../../src/vocabulary/zeek-osquery.ts';
import { packageEvents } from '../../src/vocabulary/zeek-package.ts';
import { sampleHost } from '../support/sample-host.ts';
import { zeekEvent } from '../support/zeek-requests.ts';

const vocabulary = zeekOsquery('/bro/osquery');
const host = sampleHost();
const TOPIC = '/bro/osquery/host/h1';

const QUERY: RepeatedQuery = {
  vocabulary: 'zeek-osquery',
  event: 'Procs::change',
  sql: 'SELECT pid FROM processes',
  cookie: '',
  responseTopic: '/bro/osquery/bro/zeek',
  updateType: 'BOTH',
  initialRows: true,
  queryId: '',
  zeekInstance: '',
  interval: 10,
};

test('the package declares itself and how many queries it desires', () => {
  assert.deepEqual(
    vocabulary.decode(
      TOPIC,
      zeekEvent('osquery::hosts::host_declare', 'zeek_1', '1.0.0', count(2), 'abc'),
      host,
    ),
    {
      outcome: 'statement',
      statement: {
        type: 'declare',
        vocabulary: 'zeek-osquery',
        zeekInstance: 'zeek_1',
        packageVersion: '1.0.0',
        desired: { size: 2, hash: 'abc' },
      },
      audience: { to: 'host' },
      topic: TOPIC,
    },
  );
});

test('the desired queries are a list of records', () => {
  const list = vector([
    vector([
      string('Procs::change'),
      string('SELECT pid FROM processes'),
      string(''),
      string('/bro/osquery/bro/zeek'),
      string('BOTH'),
      count(10),
    ]),
  ]);
  const decode = (queries: typeof list) =>
    vocabulary.decode(TOPIC, zeekEvent('osquery::hosts::host_desired_queries', 'zeek_1', queries), host);
  const request = { type: 'desiredQueries', vocabulary: 'zeek-osquery', zeekInstance: 'zeek_1' } as const;
  const rest = { audience: { to: 'host' }, topic: TOPIC } as const;
  assert.deepEqual(decode(list), { outcome: 'request', request: { ...request, queries: [QUERY] }, ...rest });
  assert.deepEqual(decode(vector([])), { outcome: 'request', request: { ...request, queries: [] }, ...rest });
  assert.deepEqual(decode(vector([string('SELECT 1')])), {
    outcome: 'malformed',
    vocabulary: 'zeek-osquery',
    topic: TOPIC,
    problem:
      'argument 2 (queries) must be a vector of records, got vector; expected osquery::hosts::host_desired_queries(zeek_instance: string, queries: vector of osquery::hosts::DesiredQuery)',
  });
});

test('rows are acknowledged by number', () => {
  assert.deepEqual(
    vocabulary.decode(TOPIC, zeekEvent('osquery::hosts::host_acknowledge', count(123)), host),
    {
      outcome: 'statement',
      statement: { type: 'acknowledge', vocabulary: 'zeek-osquery', sequence: 123 },
      audience: { to: 'host' },
      topic: TOPIC,
    },
  );
});

test('a numbered row carries its number and time as metadata', () => {
  const encode = vocabulary.rowEncoder(QUERY, [{ name: 'pid', type: 'TEXT' }], host);
  assert.deepEqual(
    encode({ change: 'ADDED', initial: false, unixTime: 1_795_495_464, columns: { pid: '7' }, sequence: 41 }),
    {
      topic: '/bro/osquery/bro/zeek',
      event: {
        name: 'Procs::change',
        args: [vector([string('h1'), enumValue('osquery::ADD'), string('')]), string('7')],
        metadata: [
          { key: 1n, value: timestamp(1_795_495_464_000_000_000n) },
          { key: 200n, value: count(41) },
        ],
      },
    },
  );
});

test('what a host says to the package alone', () => {
  const events = packageEvents('/bro/osquery');
  const topic = '/bro/osquery/host_announce';
  assert.deepEqual(events.details(host), {
    topic,
    event: {
      name: 'osquery::hosts::host_details_v1',
      args: [
        string('h1'),
        vector([
          string('5ba5a5e5-0000-4000-8000-000000000001'),
          string('instance-1'),
          string('web-1'),
          set(ipAddresses(['10.1.2.3', 'fe80::1'])),
          vector([string('geo/de/hamburg'), string('servers')]),
          string('linux'),
          string('Debian GNU/Linux 13'),
          string('1.2.3'),
        ]),
      ],
    },
  });
  assert.deepEqual(events.queriesHeld(host, 'zeek_1', { size: 2, hash: 'abc' }), {
    topic,
    event: {
      name: 'osquery::hosts::host_queries_held',
      args: [string('h1'), string('zeek_1'), count(2), string('abc')],
    },
  });
  assert.deepEqual(events.rowsSent(host, 41), {
    topic,
    event: { name: 'osquery::hosts::host_rows_sent', args: [string('h1'), count(41)] },
  });
  assert.deepEqual(events.gap(host, { first: 3, last: 9, rows: 7, reason: 'the journal was full' }), {
    topic,
    event: {
      name: 'osquery::hosts::host_gap',
      args: [string('h1'), count(3), count(9), count(7), string('the journal was full')],
    },
  });
  const unseen = { from: Date.UTC(2026, 10, 24, 9), to: Date.UTC(2026, 10, 24, 9, 0, 3) };
  const span =
    'from 2026-11-24T09:00:00.000Z to 2026-11-24T09:00:03.000Z results of osquery were not received';
  const none = { first: 3, last: 3, rows: 0, unseen };
  assert.deepEqual(
    ['', 'nobody kept it'].map((reason) => events.gap(host, { ...none, reason }).event.args),
    [span, `${span}, and nobody kept it`].map((text) => [
      ...[string('h1'), count(3), count(3), count(0)],
      string(text),
    ]),
  );
  assert.deepEqual(events.gap(host, { first: 3, last: 9, rows: 7, reason: 'full', unseen }).event.args, [
    ...[string('h1'), count(3), count(9), count(7)],
    string(`full; more may be missing: ${span}`),
  ]);
  assert.deepEqual(events.farewell(host), {
    topic,
    event: { name: 'osquery::hosts::host_farewell', args: [string('h1')] },
  });
});

test('the digest of desired queries is the hash of its queries, with the length of each field', () => {
  const line = '13:Procs::change25:SELECT pid FROM processes0:21:/bro/osquery/bro/zeek4:BOTH2:10\n';
  assert.deepEqual(queryDigest([QUERY]), {
    size: 1,
    hash: createHash('sha256').update(line).digest('hex'),
  });
  assert.deepEqual(queryDigest([]), {
    size: 0,
    hash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  });
  assert.equal(
    queryDigest([{ ...QUERY, cookie: '\udcffü' }]).hash,
    createHash('sha256')
      .update('13:Procs::change25:SELECT pid FROM processes3:')
      .update(Buffer.from('ffc3bc', 'hex'))
      .update('21:/bro/osquery/bro/zeek4:BOTH2:10\n')
      .digest('hex'),
  );
});

test('the digest does not depend on order or repetition, and on every field', () => {
  const queries = fc.array(
    fc.record({ sql: fc.string(), cookie: fc.string(), interval: fc.integer({ min: 1, max: 3 }) }),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(queries, (parts) => {
      const queries = parts.map((part) => ({ ...QUERY, ...part }));
      assert.deepEqual(queryDigest([...queries, ...queries].reverse()), queryDigest(queries));
    }),
  );
  const others: readonly Partial<RepeatedQuery>[] = [
    { event: 'e' },
    { sql: 's' },
    { cookie: 'c' },
    { responseTopic: 't' },
    { updateType: 'ADDED' },
    { interval: 11 },
  ];
  const hashes = new Set(
    [QUERY, ...others.map((other) => ({ ...QUERY, ...other }))].map((q) => queryDigest([q]).hash),
  );
  assert.equal(hashes.size, 7);
});
