import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { natsSubjects, prefixProblem } from '../../src/nats/subjects.ts';
import { createVocabularies } from '../../src/vocabulary/vocabularies.ts';
import { arbitraryText } from '../support/arbitrary-data.ts';
import { sampleHost } from '../support/sample-host.ts';

const subjects = natsSubjects('osquery');

test('topics of every vocabulary lead to few subjects, which say whom they are for', () => {
  const cases: readonly [string, string][] = [
    ['/bro/osquery/all', 'osquery.all'],
    ['/bro/osquery/hosts', 'osquery.all'],
    ['/bro/osquery/uid/h1', 'osquery.host.h1'],
    ['/bro/osquery/host/h1', 'osquery.host.h1'],
    ['/zeek/zeek-agent/host/h1', 'osquery.host.h1'],
    ['/zeek-agent/query/host/h1', 'osquery.host.h1'],
    ['/bro/osquery/group/geo/de/hamburg', 'osquery.group.geo.de.hamburg'],
    ['/zeek-agent/query/group/all', 'osquery.group.all'],
    ['/zeek-agent/query/group/h1/geo', 'osquery.group.h1.geo'],
    ['/bro/osquery/host/web.example.org', 'osquery.host.web%2Eexample%2Eorg'],
    ['/bro/osquery/group/a b/*', 'osquery.group.a%20b.%2A'],
    ['/bro/osquery/group//x', 'osquery.group.%.x'],
    ['/anything/else', 'osquery.topic.%.anything.else'],
    ['', 'osquery.topic.%'],
  ];
  for (const [topic, subject] of cases) assert.equal(subjects.ofTopic(topic), subject, topic);
  assert.equal(subjects.host('h1'), 'osquery.host.h1');
  assert.equal(subjects.rows('h.1'), 'osquery.rows.h%2E1');
  assert.equal(subjects.helloTo('a-b'), 'osquery.hello.a-b');
});

test('a host with groups listens on the subjects of all, itself and its groups', () => {
  const host = sampleHost({ id: 'h1', groups: ['geo/de'], platform: 'ubuntu' });
  const filter = createVocabularies().filter(host);
  assert.deepEqual([...new Set(filter.map(subjects.ofTopic))].sort(), [
    'osquery.all',
    'osquery.group.all',
    'osquery.group.geo',
    'osquery.group.geo.de',
    'osquery.group.h1.all',
    'osquery.group.h1.geo',
    'osquery.group.h1.geo.de',
    'osquery.group.h1.linux',
    'osquery.group.h1.ubuntu',
    'osquery.group.linux',
    'osquery.group.ubuntu',
    'osquery.host.h1',
  ]);
});

test('any topic is a valid subject without wildcards that a server takes', () => {
  const topic = fc.array(arbitraryText, { maxLength: 5 }).map((parts) => parts.join('/'));
  fc.assert(
    fc.property(
      fc.oneof(
        topic,
        topic.map((end) => `/bro/osquery/group/${end}`),
      ),
      (text) => {
        const subject = subjects.ofTopic(text);
        assert.match(subject, /^osquery(\.[^.*>\s\p{Cc}\p{Cs}]+)+$/u);
        assert.ok(Buffer.byteLength(subject) <= 1_024);
      },
    ),
  );
});

test('names too long for a subject become their hash, each its own', () => {
  const subject = subjects.ofTopic(`/bro/osquery/group/${'ü'.repeat(1_000)}`);
  assert.match(subject, /^osquery\.group\.%%[0-9a-f]{64}$/);
  assert.notEqual(subject, subjects.ofTopic(`/bro/osquery/group/${'ü'.repeat(1_001)}`));
});

test('a prefix is one or more tokens of its own', () => {
  assert.equal(prefixProblem('osquery'), '');
  assert.equal(prefixProblem('acme.fleet-7'), '');
  for (const prefix of ['', 'a..b', 'a.', 'a b', 'a.*', '>', '$SYS', '_INBOX', 'x'.repeat(101)]) {
    assert.notEqual(prefixProblem(prefix), '', prefix);
  }
  assert.equal(natsSubjects('acme.fleet-7').stream, 'ACME_FLEET-7');
});
