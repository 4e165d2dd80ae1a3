import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import type { z } from 'zod';
import { parseSettings } from '../../src/config/parse.ts';
import { broSchema } from '../../src/config/schema.ts';
import type { Settings } from '../../src/config/settings.ts';
import { misplacedKeys } from '../../src/config/unknown-keys.ts';
import { configMember } from '../../src/osquery/config-plugin.ts';

/**
 * fixtures/config holds configurations of osquery as operators write them; broken/NAME.txt holds what is said about
 * broken/NAME.json, a line each, errors first.
 */

const root = join(import.meta.dirname, '../..');
const fixtures = join(root, 'fixtures/config');

/** What the log has about the text of a configuration of that name, and the settings that it comes to. */
function reading(source: string, text: string): { readonly said: string[]; readonly settings?: Settings } {
  let bro: unknown;
  try {
    bro = configMember(new Map([[source, text]]), 'bro');
  } catch (error) {
    return { said: [`error: ${error instanceof Error ? error.message : error}`] };
  }
  const parsed = parseSettings(bro);
  const warnings = parsed.warnings.map((warning) => `warning: ${warning}`);
  if ('settings' in parsed) return { said: warnings, settings: parsed.settings };
  return { said: [...parsed.problems.map((problem) => `error: ${problem}`), ...warnings] };
}

function read(path: string) {
  return reading(`/etc/osquery/${basename(path)}`, readFileSync(join(fixtures, path), 'utf8'));
}

const broken = globSync('broken/*.json', { cwd: fixtures }).sort();

for (const path of broken) {
  test(`${basename(path, '.json')} is refused with exactly what is wrong`, () => {
    const { said } = read(path);
    assert.equal(`${said.join('\n')}\n`, readFileSync(join(fixtures, path.replace(/json$/, 'txt')), 'utf8'));
    assert.match(said[0] ?? '', /^error: /);
  });
}

test('each message has its configuration', () => {
  const told = globSync('broken/*.txt', { cwd: fixtures }).sort();
  assert.deepEqual(
    told,
    broken.map((path) => path.replace(/json$/, 'txt')),
  );
  assert.ok(broken.length >= 20);
});

test('a valid configuration is accepted without a warning', () => {
  const peers = Object.fromEntries(
    globSync('*.json', { cwd: fixtures })
      .sort()
      .map((path) => {
        const { said, settings } = read(path);
        assert.deepEqual(said, [], path);
        return [basename(path, '.json'), settings?.endpoints.map(({ peer }) => peer)];
      }),
  );
  assert.deepEqual(peers, {
    certificates: ['brokers://zeek.example.com:9999'],
    'every-key': [
      'zeek.example.com:9999',
      '10.1.2.3:9999',
      'ws://lab.example.com:9997/v1/messages/json',
      'nats://bus.example.com:4222',
    ],
    minimal: ['zeek.example.com:9999'],
    nats: ['nats://bus.example.com:4222', 'tls://bus.example.com:4222/lab'],
    predecessor: ['10.1.2.3:9999'],
    'several-zeeks': [
      'zeek.example.com:9999',
      'broker://[2001:db8::1]:9999',
      'wss://lab.example.com:443/v1/messages/json',
    ],
  });
});

test('the list of groups and the map of groups of former days are the same', () => {
  assert.deepEqual(read('predecessor.json').settings?.groups, ['servers', 'geo/de/hamburg']);
  assert.deepEqual(read('several-zeeks.json').settings?.groups, ['servers', 'geo/de/hamburg']);
});

test('other ways to a Zeek stand beside its address, which it stays known by', () => {
  const parsed = parseSettings({
    bro_endpoint: 'a:9998',
    bro_alternatives: ['b:9998', 'ws://c'],
    endpoints: [{ address: 'd', alternatives: ['e'] }],
  });
  assert('settings' in parsed);
  assert.deepEqual(
    parsed.settings.endpoints.map(({ peer, alternatives }) => [peer, alternatives.map(({ host }) => host)]),
    [
      ['a:9998', ['b', 'c']],
      ['d:9999', ['e']],
    ],
  );
  const problems = (bro: object) => {
    const wrong = parseSettings(bro);
    return 'problems' in wrong ? wrong.problems : [];
  };
  assert.deepEqual(problems({ bro_alternatives: ['b'] }), [
    'bro.bro_alternatives: expected bro_endpoint beside it, got bro_alternatives alone',
  ]);
  assert.deepEqual(problems({ bro_endpoint: 'a', bro_alternatives: ['a'] }), [
    'bro.bro_endpoint: a:9999 is listed twice',
  ]);
  assert.match(
    problems({ bro_endpoint: 'a', bro_alternatives: ['nats://b'] })[0] ?? '',
    /one is a NATS server/,
  );
});

test('the example of every key has every key, and those that it gives their defaults change nothing', () => {
  const text = readFileSync(join(fixtures, 'every-key.json'), 'utf8');
  const bro = configMember(new Map([['', text]]), 'bro') as Record<string, Record<string, unknown>>;
  const keysOf = (schema: unknown) =>
    Object.keys((schema as z.ZodOptional<z.ZodObject>).unwrap().shape).sort();
  assert.deepEqual(Object.keys(bro).sort(), Object.keys(broSchema.shape).sort());
  assert.deepEqual(Object.keys(bro['limits'] ?? {}).sort(), keysOf(broSchema.shape.limits));
  assert.deepEqual(Object.keys(bro['tls'] ?? {}).sort(), keysOf(broSchema.shape.tls));
  const other = ['credentials', 'nkey'];
  assert.deepEqual([...Object.keys(bro['nats'] ?? {}), ...other].sort(), keysOf(broSchema.shape.nats));

  const { settings } = read('every-key.json');
  const defaults = parseSettings(undefined);
  assert('settings' in defaults);
  assert.deepEqual(settings, {
    ...defaults.settings,
    endpoints: settings?.endpoints,
    uid: 'rack7-host3',
    groups: ['servers'],
    stateDirectory: '/var/osquery/bro-osquery',
    rowsPerResult: 100_000,
    policy: {
      ...defaults.settings.policy,
      allowedTables: ['processes', 'users'],
      deniedTables: ['shell_history'],
    },
    vocabularies: {
      enabled: ['bro-2017-01', 'bro-2017-02', 'zeek-osquery', 'zeek-agent-1', 'zeek-agent-2'],
      topicPrefixes: { 'zeek-osquery': '/bro/osquery' },
    },
    nullPolicy: 'zero',
  });
});

test('a group that is listed twice is one group', () => {
  const parsed = parseSettings({ groups: ['geo', 'servers', 'geo'] });
  assert.deepEqual('settings' in parsed && parsed.settings.groups, ['geo', 'servers']);
});

test('a key that every object of JavaScript has is as unknown as any other', () => {
  const { warnings } = parseSettings(
    JSON.parse('{"constructor": 1, "__proto__": 2, "limits": {"toString": 3}}'),
  );
  assert.deepEqual(warnings, [
    'bro.constructor: unknown key, ignored',
    'bro.__proto__: unknown key, ignored',
    'bro.limits.toString: unknown key, ignored',
  ]);
});

test('the settings of one endpoint add to those of all', () => {
  const [native, , , nats] = read('every-key.json').settings?.endpoints ?? [];
  assert.deepEqual(native?.tls, {
    ca: '/etc/osquery/zeek-ca.pem',
    caPath: '/etc/osquery/authorities',
    certificate: '/etc/osquery/host.pem',
    key: '/etc/osquery/host.key',
    passphrase: 'secret',
    requireAuthentication: true,
  });
  assert.deepEqual(nats?.tls, { ...native?.tls, requireAuthentication: false });
  assert.deepEqual(nats?.nats, { prefix: 'osquery', user: 'host', password: 'secret', jetstream: 'create' });
});

test('a query that names no interval gets one that is long enough', () => {
  const intervals = (limits: object) => {
    const { settings } = reading('osquery.conf', JSON.stringify({ bro: { limits } }));
    return [settings?.policy.shortestInterval, settings?.policy.defaultInterval];
  };
  assert.deepEqual(intervals({}), [1, 10]);
  assert.deepEqual(intervals({ shortest_interval: 60 }), [60, 60]);
  assert.deepEqual(intervals({ shortest_interval: 60, default_interval: 300 }), [60, 300]);
});

test('a host without the key, or with none of its keys, is a host without Zeeks', () => {
  for (const text of ['{}', '{"bro": {}}', '{"bro": null}', '# nothing\n{}\n']) {
    const { said, settings } = reading('osquery.conf', text);
    assert.deepEqual(said, []);
    assert.deepEqual(settings?.endpoints, []);
  }
});

test('the examples of the README and of the manual are what they say', () => {
  const pages = ['README.md', ...globSync('src/cli/manual/*.md', { cwd: root })];
  const blocks = pages.flatMap((page) => [
    ...readFileSync(join(root, page), 'utf8').matchAll(/```jsonc?\n(.*?)```/gs),
  ]);
  const examples = blocks.map(([, text = '']) => text).filter((text) => /^\{\s*"bro"/.test(text));
  assert.ok(examples.length > 3);
  for (const text of examples) assert.deepEqual(reading('an example', text).said, [], text);
});

test('keys that the predecessor had among the options are named with where they belong', () => {
  assert.deepEqual(
    misplacedKeys({ bro_ip: '192.0.2.1', bro_port: 9999, bro_groups: {}, host_identifier: 'uuid' }),
    [
      'options.bro_ip: ignored there; write it as bro.bro_ip',
      'options.bro_port: ignored there; write it as bro.bro_port',
      'options.bro_groups: ignored there; write it as bro.groups',
    ],
  );
  assert.deepEqual(misplacedKeys(undefined), []);
});
