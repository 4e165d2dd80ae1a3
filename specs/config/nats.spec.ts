import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSettings } from '../../src/config/parse.ts';

test('an endpoint at a NATS server has settings for its use, and its prefix identifies the Zeek', () => {
  const parsed = parseSettings({
    nats: { user: 'host', password: 'secret' },
    endpoints: [
      'nats://bus.example',
      { address: 'tls://bus.example:4333', nats: { prefix: 'acme.fleet', jetstream: 'create' } },
      { address: 'nats://bus.example', nats: { prefix: 'other' } },
    ],
  });
  assert('settings' in parsed);
  assert.deepEqual(parsed.warnings, []);
  assert.deepEqual(
    parsed.settings.endpoints.map(({ peer, nats }) => ({ peer, nats })),
    [
      {
        peer: 'nats://bus.example:4222',
        nats: { prefix: 'osquery', jetstream: 'off', user: 'host', password: 'secret' },
      },
      {
        peer: 'tls://bus.example:4333/acme.fleet',
        nats: { prefix: 'acme.fleet', jetstream: 'create', user: 'host', password: 'secret' },
      },
      {
        peer: 'nats://bus.example:4222/other',
        nats: { prefix: 'other', jetstream: 'off', user: 'host', password: 'secret' },
      },
    ],
  );
});

test('what makes no sense at a NATS server is named by its place', () => {
  const problems = (bro: object) => {
    const parsed = parseSettings(bro);
    return 'problems' in parsed ? parsed.problems : [];
  };
  assert.deepEqual(problems({ endpoints: [{ address: 'nats://a', nats: { user: 'u', nkey: '/f' } }] }), [
    'bro.endpoints[0]: set only one of credentials, nkey and user',
  ]);
  assert.deepEqual(problems({ endpoints: [{ address: 'nats://a', nats: { password: 'p' } }] }), [
    'bro.endpoints[0]: a password requires a user',
  ]);
  assert.deepEqual(problems({ endpoints: [{ address: 'a', nats: { user: 'u' } }] }), [
    'bro.endpoints[0].nats: a:9999 is not the address of a NATS server',
  ]);
  assert.deepEqual(problems({ endpoints: ['nats://a', 'nats://a:4222'] }), [
    'bro.endpoints[1]: nats://a:4222 is listed twice',
  ]);
  assert.equal(problems({ endpoints: [{ address: 'nats://a', nats: { prefix: 'a.*' } }] }).length, 1);
});
