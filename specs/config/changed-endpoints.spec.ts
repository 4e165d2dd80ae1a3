import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changedEndpoints } from '../../src/config/changed-endpoints.ts';
import { parseSettings } from '../../src/config/parse.ts';

function settings(bro: object) {
  const parsed = parseSettings(bro);
  if ('problems' in parsed) throw new Error(parsed.problems.join('; '));
  return parsed.settings;
}

const TLS = { ca: '/etc/ca.pem', certificate: '/etc/host.pem', key: '/etc/host.key' };

test('a Zeek whose connection is made of something else is named, one that came or went is not', () => {
  const before = settings({ endpoints: ['a:9999', 'brokers://b:9999', 'c:9999'], tls: TLS });
  const of = (bro: object) => changedEndpoints(before, settings(bro));
  assert.deepEqual(of({ endpoints: ['a:9999', 'brokers://b:9999', 'c:9999'], tls: TLS }), []);
  assert.deepEqual(of({ endpoints: ['d:9999', 'brokers://b:9999', 'a:9999'], tls: TLS }), []);
  assert.deepEqual(
    of({ endpoints: ['a:9999', 'brokers://b:9999'], tls: { ...TLS, ca: '/etc/new.pem' } }).includes(
      'brokers://b:9999',
    ),
    true,
  );
  assert.deepEqual(of({ endpoints: ['a:9999', 'd:9999'], tls: TLS, vocabularies: ['zeek-osquery'] }), [
    'a:9999',
  ]);
  assert.deepEqual(of({ endpoints: ['a:9999', 'c:9999', 'brokers://b:9999'], tls: TLS, groups: ['g'] }), []);
});
