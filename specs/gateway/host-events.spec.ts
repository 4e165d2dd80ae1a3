import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from '../../src/broker/byte-writer.ts';
import { string } from '../../src/broker/data.ts';
import { skimEvents } from '../../src/broker/skimmed-message.ts';
import { writeEvent, type ZeekEvent } from '../../src/broker/zeek-event.ts';
import { judge } from '../../src/gateway/guard.ts';
import { consoleAnswer } from '../../src/vocabulary/console-query.ts';
import { FleetTopics } from '../../src/vocabulary/fleet-topics.ts';
import type { Query, ResultRow } from '../../src/vocabulary/model.ts';
import { createVocabularies } from '../../src/vocabulary/vocabularies.ts';
import { packageEvents } from '../../src/vocabulary/zeek-package.ts';
import { sampleHost } from '../support/sample-host.ts';

const HOST = sampleHost({ platform: 'linux' });
const vocabularies = createVocabularies();
const topics = new FleetTopics(vocabularies);

const ROW: ResultRow = { change: 'ADDED', initial: false, unixTime: 1, columns: { a: 'x' }, sequence: 1 };

/** Everything that a host says in its vocabularies, rows apart. */
function sayings(): ZeekEvent[] {
  const session = { at: 0, connectionId: 'c' };
  const own = packageEvents(vocabularies.prefix('zeek-osquery'));
  const gap = { first: 1, last: 2, rows: 2, reason: 'x' };
  return [
    ...vocabularies.all.flatMap((one) => [
      ...one.announcement(HOST, session),
      ...one.farewell(HOST, session),
      ...(['log', 'warning', 'error'] as const).flatMap((level) =>
        ['', '1.0.0'].flatMap(
          (packageVersion) => one.notice({ level, text: 'x' }, HOST, { at: 0, packageVersion }) ?? [],
        ),
      ),
    ]),
    own.details(HOST),
    own.rowsSent(HOST, 1),
    own.rowsSentV2(HOST, 1),
    own.instance(HOST),
    own.gap(HOST, gap),
    own.farewell(HOST),
  ]
    .map(({ event }) => event)
    .concat(consoleAnswer({ level: 'log', text: 'answered', rows: 1 }, HOST));
}

function rows(): ZeekEvent[] {
  return vocabularies.all.map(({ id, rowEncoder }) => {
    const query: Query = {
      ...{ vocabulary: id, event: 'my::row', sql: 'SELECT 1', cookie: '', responseTopic: '/t' },
      ...{ updateType: 'BOTH', initialRows: true, queryId: 'q', zeekInstance: 'z' },
    };
    const message = rowEncoder(query, [{ name: 'a', type: 'TEXT' }], HOST)(ROW);
    assert(!('problem' in message));
    return message.event;
  });
}

function judged(event: ZeekEvent, identity: { id: string; endpointId: string }) {
  const writer = new ByteWriter();
  writeEvent(writer, event);
  const [skimmed, ...others] = skimEvents(writer.take());
  assert(skimmed && others.length === 0);
  return judge(skimmed, identity).is;
}

test('whatever a host says in its vocabularies is let through, and in the name of another it is not', () => {
  assert(sayings().length > 20);
  for (const event of sayings()) {
    assert.equal(judged(event, HOST), 'own', event.name);
    assert.equal(judged(event, { ...HOST, id: 'other' }), 'refused', event.name);
  }
});

test('an announcement that earlier scripts and later ones would read differently is judged as the later do', () => {
  const event = (...args: string[]) => ({ name: 'osquery::host_new', args: args.map(string) });
  assert.equal(judged(event(HOST.endpointId, HOST.id), HOST), 'own');
  assert.equal(judged(event(HOST.id, 'victim'), HOST), 'refused');
});

test('so are rows of all vocabularies', () => {
  for (const event of rows()) {
    assert.equal(judged(event, HOST), 'row');
    assert.equal(judged(event, { ...HOST, id: 'other' }), 'refused');
  }
});

test('an announcement names its own endpoint alone', () => {
  const announcements = sayings().filter(
    ({ name, args: [first] }) =>
      name.endsWith('::host_new') && first?.type === 'string' && first.value === HOST.endpointId,
  );
  assert.equal(announcements.length, 3);
  for (const event of announcements)
    assert.equal(judged(event, { ...HOST, endpointId: 'other' }), 'refused', event.name);
});

test('the subscription of a gateway covers what every host listens on, and stays the same for all of them', () => {
  const hosts = [HOST, sampleHost({ id: 'h2', groups: [], platform: 'darwin' })];
  for (const topic of hosts.flatMap((host) => vocabularies.filter(host)))
    assert(
      topics.subscription.some((prefix) => topic.startsWith(prefix)),
      topic,
    );
  assert(topics.subscription.length < 20);
});

test('a filter tells whose it is, and a host may listen on all of its own and on nothing of others', () => {
  const filter = vocabularies.filter(HOST);
  assert.equal(topics.hostOf(filter), HOST.id);
  assert.equal(topics.hostOf([]), undefined);
  assert.equal(topics.hostOf([...filter, '/bro/osquery/host/other']), undefined);
  const isOther = (id: string) => id === 'other';
  for (const topic of filter) assert(topics.mayListen(HOST.id, topic, isOther), topic);
  for (const topic of vocabularies.filter(sampleHost({ id: 'other', groups: [] })))
    if (topic.includes('other')) assert(!topics.mayListen(HOST.id, topic, isOther), topic);
  for (const topic of ['', '/', '/bro/osquery/', '/bro/osquery/host/', '/bro/osquery/group/', '/zeek-agent/'])
    assert(!topics.mayListen(HOST.id, topic, isOther), topic);
});

test('a request is understood whomever it is for', () => {
  const event = { name: 'osquery::hosts::host_join', args: [string('servers')] };
  for (const [topic, addressee] of [
    ['/bro/osquery/hosts', { to: 'all' }],
    ['/bro/osquery/host/h7', { to: 'host', host: 'h7' }],
    ['/bro/osquery/group/geo/de', { to: 'group', group: 'geo/de' }],
  ] as const) {
    const found = topics.decode(topic, event);
    assert.deepEqual(found?.addressee, addressee);
    assert(found?.decoded.outcome === 'request' && found.decoded.request.type === 'join');
  }
  assert.equal(topics.decode('/elsewhere', event), undefined);
});
