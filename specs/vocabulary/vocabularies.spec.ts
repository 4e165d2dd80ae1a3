import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  boolean,
  count,
  type Data,
  enumValue,
  integer,
  none,
  real,
  set,
  string,
  timespan,
  vector,
} from '../../src/broker/data.ts';
import {
  COLUMN_TYPES,
  type NullPolicy,
  type Query,
  VOCABULARY_IDS,
  type VocabularyId,
} from '../../src/vocabulary/model.ts';
import { createVocabularies } from '../../src/vocabulary/vocabularies.ts';
import { sampleHost } from '../support/sample-host.ts';
import { zeekEvent } from '../support/zeek-requests.ts';

const host = sampleHost();
const session = { at: 1_795_495_464_000, connectionId: 'c1', zeekVersion: '8.2.0' };
const vocabularies = createVocabularies();

const INSTALL = zeekEvent(
  'ZeekAgentAPI::install_query_v1',
  'zeek_1',
  'za_1',
  vector([
    string('SELECT 1'),
    none,
    enumValue('ZeekAgent::Snapshots'),
    vector([string('ev')]),
    none,
    set([]),
    set([]),
  ]),
);

const SUBSCRIPTIONS: readonly [VocabularyId, string, ReturnType<typeof zeekEvent>][] = [
  [
    'bro-2017-01',
    '/bro/osquery/all',
    zeekEvent('osquery::host_subscribe', 'ev', 'SELECT 1', 'BOTH', boolean(true)),
  ],
  [
    'bro-2017-02',
    '/bro/osquery/all',
    zeekEvent('osquery::host_subscribe', 'ev', 'SELECT 1', '', '/r', 'BOTH', count(10)),
  ],
  [
    'zeek-osquery',
    '/bro/osquery/hosts',
    zeekEvent('osquery::hosts::host_subscribe', 'ev', 'SELECT 1', '', '/r', 'BOTH', count(10)),
  ],
  [
    'zeek-agent-1',
    '/zeek/zeek-agent/hosts',
    zeekEvent('ZeekAgent::host_subscribe', 'ev', 'SELECT 1', '', '/r', 'BOTH', count(10)),
  ],
  ['zeek-agent-2', '/zeek-agent/query/group/all', INSTALL],
];

test('all vocabularies are understood at once, each request in the one it came in', () => {
  for (const [id, topic, event] of SUBSCRIPTIONS) {
    const decoded = vocabularies.decode(topic, event, host);
    assert.ok(decoded?.outcome === 'request', id);
    assert.ok('query' in decoded.request);
    assert.equal(decoded.request.query.vocabulary, id);
  }
});

test('a vocabulary that is switched off is neither understood nor spoken', () => {
  for (const off of VOCABULARY_IDS) {
    const rest = createVocabularies({ enabled: VOCABULARY_IDS.filter((id) => id !== off) });
    assert.equal(rest.get(off), undefined);
    assert.ok(!rest.announcements(host, session, undefined).some(({ vocabulary }) => vocabulary === off));
    for (const [id, topic, event] of SUBSCRIPTIONS)
      assert.equal(rest.decode(topic, event, host)?.outcome === 'request', id !== off, `${off} off, ${id}`);
  }
});

test('the topics of all vocabularies are listened on, each once', () => {
  const filter = vocabularies.filter(sampleHost({ groups: ['servers'] }));
  assert.deepEqual(filter, [
    '/bro/osquery/all',
    '/bro/osquery/uid/h1',
    '/bro/osquery/group/servers',
    '/bro/osquery/hosts',
    '/bro/osquery/host/h1',
    '/zeek/zeek-agent/hosts',
    '/zeek/zeek-agent/host/h1',
    '/zeek/zeek-agent/group/servers',
    '/zeek-agent/query/host/h1',
    '/zeek-agent/query/group/all',
    '/zeek-agent/query/group/h1/all',
    '/zeek-agent/query/group/linux',
    '/zeek-agent/query/group/h1/linux',
    '/zeek-agent/query/group/servers',
    '/zeek-agent/query/group/h1/servers',
  ]);
});

test('prefixes can be changed, one vocabulary at a time', () => {
  const moved = createVocabularies({
    topicPrefixes: { 'bro-2017-02': '/site/osq' },
    enabled: ['bro-2017-02'],
  });
  assert.equal(moved.prefix('bro-2017-02'), '/site/osq');
  assert.equal(moved.prefix('bro-2017-01'), '/bro/osquery');
  assert.deepEqual(moved.filter(sampleHost({ groups: [] })), ['/site/osq/all', '/site/osq/uid/h1']);
  assert.deepEqual(
    moved.announcements(host, session, undefined).map(({ message }) => message.topic),
    ['/site/osq/announce'],
  );
});

test('a Bro hears the announcements that its filter lets through', () => {
  const announced = (filter: readonly string[] | undefined) => [
    ...new Set(vocabularies.announcements(host, session, filter).map(({ vocabulary }) => vocabulary)),
  ];
  assert.deepEqual(announced([]), []);
  assert.deepEqual(announced(['/zeek/logs']), []);
  assert.deepEqual(announced(['/bro/osquery/announces']), ['bro-2017-01']);
  assert.deepEqual(announced(['/bro/osquery/host_announce']), ['zeek-osquery']);
  assert.deepEqual(announced(['/zeek/zeek-agent/host_announce', '/zeek-agent/response/all']), [
    'zeek-agent-1',
    'zeek-agent-2',
  ]);
  assert.deepEqual(announced(undefined), VOCABULARY_IDS);
});

test('a Bro of V2, whose filter also lets V1 through, sees a host once', () => {
  const announced = (...filter: readonly string[]) =>
    vocabularies.announcements(host, session, filter).map(({ message }) => message.topic);
  assert.deepEqual(announced('/bro/osquery/announce'), ['/bro/osquery/announce']);
  assert.deepEqual(announced('/bro/osquery/announces', '/bro/osquery/uid/BroMaster'), [
    '/bro/osquery/announces',
  ]);
  assert.deepEqual(announced('/bro/osquery/'), ['/bro/osquery/announces', '/bro/osquery/host_announce']);
});

test('a malformed request of V1 or V2 is judged by the vocabulary whose number of arguments it has', () => {
  const five = zeekEvent('osquery::host_subscribe', 'ev', 'SELECT 1', '', '/r', 'BOTH');
  const four = zeekEvent('osquery::host_subscribe', 'ev', 'SELECT 1', 'BOTH', count(1));
  const six = zeekEvent('osquery::host_subscribe', 'ev', 'SELECT 1', '', '/r', 'BOTH', integer(10));
  for (const [event, id] of [
    [five, 'bro-2017-01'],
    [four, 'bro-2017-01'],
    [six, 'bro-2017-02'],
  ] as const) {
    const decoded = vocabularies.decode('/bro/osquery/all', event, host);
    assert.ok(decoded?.outcome === 'malformed');
    assert.equal(decoded.vocabulary, id);
  }
});

test('a host that gains an address or a group announces itself again in every vocabulary that has them', () => {
  const changed = sampleHost({ addresses: ['10.9.9.9'], groups: ['lab'] });
  const texts = vocabularies
    .announcements(changed, session, undefined)
    .map(({ message }) =>
      Buffer.from(
        JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
      ).toString(),
    );
  for (const text of texts.slice(0, 4)) assert.match(text, /"lab"/);
  assert.ok(vocabularies.filter(changed).includes('/zeek-agent/query/group/lab'));
});

const anyData: fc.Arbitrary<Data> = fc.letrec<{ data: Data }>((tie) => ({
  data: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant<Data>(none),
    fc.boolean().map<Data>(boolean),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map<Data>(count),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map<Data>(integer),
    fc.double().map<Data>(real),
    fc.string().map<Data>(string),
    fc.constantFrom('BOTH', 'ADD', 'ev', 'SELECT 1').map<Data>(string),
    fc.constantFrom('ZeekAgent::Snapshots', 'osquery::ADD').map<Data>(enumValue),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map<Data>(timespan),
    fc.array(tie('data'), { maxLength: 8 }).map<Data>(vector),
    fc.array(tie('data'), { maxLength: 4 }).map<Data>(set),
  ),
})).data;

test('no event makes decoding throw', () => {
  const names = vocabularies.all.flatMap((vocabulary) => [...vocabulary.requests.keys()]);
  const topics = vocabularies.filter(host);
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom(...topics), fc.string()),
      fc.oneof(fc.constantFrom(...names), fc.string()),
      fc.array(anyData, { maxLength: 8 }),
      (topic, name, args) => {
        const decoded = vocabularies.decode(topic, { name, args }, host);
        if (decoded) assert.equal(decoded.topic, topic);
      },
    ),
    { numRuns: 500 },
  );
});

test('no row makes encoding throw', () => {
  const columns = fc.array(
    fc.record({
      name: fc.string(),
      type: fc.constantFrom(...COLUMN_TYPES),
    }),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...vocabularies.all),
      columns,
      fc.dictionary(fc.string(), fc.string()),
      fc.record({
        change: fc.constantFrom('ADDED', 'REMOVED', 'SNAPSHOT'),
        initial: fc.boolean(),
        unixTime: fc.double(),
        sequence: fc.double(),
      }),
      fc.constantFrom<NullPolicy>('zero', 'none', 'skip_row'),
      (vocabulary, wanted, values, row, nullPolicy) => {
        const query: Query = {
          vocabulary: vocabulary.id,
          event: 'ev',
          sql: 'SELECT 1',
          cookie: '',
          responseTopic: '/r',
          updateType: 'BOTH',
          initialRows: true,
          queryId: '',
          zeekInstance: '',
        };
        const encoded = vocabulary.rowEncoder(query, wanted, host, { nullPolicy })({
          ...row,
          columns: values,
        });
        assert.ok('problem' in encoded || encoded.topic === '/r');
      },
    ),
    { numRuns: 300 },
  );
});
