import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGatewaySettings } from '../../src/gateway/parse-settings.ts';

const ZEEK = 'broker://zeek.example.com:9999';

function parsed(config: object) {
  const result = parseGatewaySettings({ zeek: ZEEK, ...config });
  return 'problems' in result ? result.problems : result.settings;
}

test('at NATS a gateway listens on no port unless it is told to, and makes its stream', () => {
  const settings = parsed({ nats: { servers: 'tls://nats.example.com:4222', tls: { ca: '/ca.pem' } } });
  assert(!Array.isArray(settings) && 'nats' in settings);
  assert.equal(settings.listen, undefined);
  assert.deepEqual(settings.nats, {
    servers: [{ kind: 'nats', host: 'nats.example.com', port: 4222, secure: true }],
    settings: { prefix: 'osquery', jetstream: 'create' },
    tls: { ca: '/ca.pem' },
    replicas: 1,
  });
  const both = parsed({ listen: '0.0.0.0:9998', nats: { servers: ['nats://a:4222', 'nats://b:4222'] } });
  assert(!Array.isArray(both) && 'nats' in both);
  assert.equal(both.listen?.port, 9998);
  assert.equal(both.nats?.servers.length, 2);
});

test('what is wrong with them is said with its place', () => {
  const wrong: readonly [object, string][] = [
    [{ servers: [] }, 'gateway.nats: servers: name at least one'],
    [
      { servers: 'ws://a:80' },
      'gateway.nats.servers[0]: ws://a:80 is no NATS server: nats://host:port or tls://host:port',
    ],
    [
      { servers: ['nats://a:4222', 'tls://b:4222'] },
      'gateway.nats: servers of one cluster are all nats:// or all tls://',
    ],
    [
      { servers: 'nats://a:4222', jetstream: 'off' },
      'gateway.nats: jetstream: gateways read rows from a stream: use or create',
    ],
    [
      { servers: 'nats://a:4222', nkey: '/key', user: 'u' },
      'gateway.nats: set only one of credentials, nkey and user',
    ],
  ];
  for (const [nats, problem] of wrong) assert.deepEqual(parsed({ nats }), [problem]);
  const replicas = parsed({ nats: { servers: 'nats://a:4222', replicas: 7 } });
  assert(
    Array.isArray(replicas) && /gateway\.nats\.replicas: .*1 to 5/.test(replicas[0] ?? ''),
    String(replicas),
  );
});
