import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { platformsOf, versionOf } from '../../src/generate/conditions.ts';
import { PackError } from '../../src/generate/model.ts';
import { packsOfFleet, readFleet } from '../../src/generate/read-fleet.ts';
import { readJson } from '../../src/generate/read-json.ts';

const fixture = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../fixtures/generate', name), 'utf8');
const ALL = { platforms: ['darwin', 'linux', 'windows'], version: '', shard: 0 };

describe('a pack of osquery', () => {
  const [pack] = readJson(fixture('pack.conf'), 'pack').packs;

  test('has its conditions, its discovery queries and its queries', () => {
    assert.deepEqual(pack?.condition, { platforms: ['darwin', 'linux'], version: '5.1.0', shard: 50 });
    assert.deepEqual(pack?.discovery, ["SELECT 1 FROM processes WHERE name LIKE 'osquery%'; -- is it there"]);
    assert.deepEqual(pack?.queries[0], {
      name: 'load avg',
      sql: 'SELECT period, average FROM load_average;',
      interval: 60,
      updateType: 'SNAPSHOT',
      condition: ALL,
      description: 'How busy the host is.\n@load /etc/passwd',
    });
  });

  test('takes removed rows unless a query says otherwise, and no interval for what it is', () => {
    const types = new Map(pack?.queries.map(({ name, updateType }) => [name, updateType]));
    assert.equal(types.get('pairs'), 'BOTH');
    assert.equal(types.get('loudest'), 'ADD');
    assert.equal(pack?.queries.find(({ name }) => name === 'mounts')?.interval, undefined);
  });

  test('of keys given twice the first counts, as in osquery', () => {
    assert.equal(pack?.queries.find(({ name }) => name === 'mounts')?.sql, 'select * from mounts');
  });

  test('loses queries that osquery would not schedule, each with the reason', () => {
    assert.deepEqual(pack?.refused, [
      { name: 'odd system', reason: 'its platform "gentoo" is none of darwin, linux and windows' },
      { name: 'too seldom', reason: 'its interval 99999999 is not a number of seconds up to 604800' },
      { name: 'my counter', reason: 'osquery reserves names like this' },
    ]);
  });

  test('a configuration has a schedule, packs inside and packs in files', () => {
    const { packs, files } = readJson(
      `{"schedule": {"up": {"query": "SELECT 1", "interval": 10}},
        "packs": {"in": {"queries": {"q": {"query": "SELECT 2", "interval": 10}}}, "out": "packs/out.conf"}}`,
      'osquery',
    );
    assert.deepEqual(
      packs.map(({ name, queries }) => [name, queries.map(({ sql }) => sql)]),
      [
        ['osquery', ['SELECT 1']],
        ['in', ['SELECT 2']],
      ],
    );
    assert.deepEqual(files, [{ name: 'out', path: 'packs/out.conf' }]);
  });

  test('what is no pack is refused with its place', () => {
    const message = (text: string) => {
      try {
        return readJson(text, 'x');
      } catch (error) {
        assert.ok(error instanceof PackError);
        return error.message;
      }
    };
    assert.equal(
      message('{"queries": {\n  "a" 1}}'),
      'it is not valid JSON: line 2, column 7: colon expected',
    );
    assert.equal(message('[1]'), 'it is not a JSON object');
    assert.equal(message('{"options": {}}'), 'it has none of the keys queries, schedule and packs');
    assert.equal(message(''), 'it is not valid JSON: line 1, column 1: value expected');
  });
});

describe("Fleet's YAML", () => {
  const file = readFleet(fixture('fleet.yml'));
  const packs = packsOfFleet('fleet', file, new Map());

  test('packs name queries of the file', () => {
    const [servers] = packs;
    assert.equal(servers?.name, 'Servers');
    assert.deepEqual(servers?.queries, [
      {
        name: 'files',
        sql: 'SELECT pid, path FROM process_open_files',
        interval: 600,
        updateType: 'ADD',
        condition: { ...ALL, platforms: ['linux'] },
        description: '',
      },
    ]);
    assert.deepEqual(servers?.refused, [
      { name: 'Elsewhere', reason: 'no file has the query "Elsewhere" that it names' },
    ]);
  });

  test('a query of another file is found', () => {
    const known = new Map([['Elsewhere', { query: 'SELECT 3' }]]);
    const [servers] = packsOfFleet('fleet', file, known);
    assert.deepEqual(
      servers?.queries.map(({ sql }) => sql),
      ['SELECT pid, path FROM process_open_files', 'SELECT 3'],
    );
  });

  test('queries that no pack names are a pack of their own; the interval 0 is none', () => {
    const rest = packs[1];
    assert.deepEqual(
      rest?.queries.map(({ name, interval }) => [name, interval]),
      [['By hand', undefined]],
    );
  });

  test('policies are no queries: a host complies while they have rows', () => {
    assert.deepEqual(packs[1]?.policies, [
      {
        query: {
          name: 'Firewall on',
          sql: 'SELECT 1 FROM iptables LIMIT 1',
          interval: undefined,
          updateType: 'BOTH',
          condition: ALL,
          description: '',
        },
        resolution: '',
      },
    ]);
  });

  test('a document that is no YAML is told, and the others count', () => {
    assert.equal(file.problems.length, 1);
    assert.match(file.problems[0] ?? '', /^a document in it is not valid YAML: .* at line 34, column 1$/);
  });

  test("GitOps' lists have their own words", () => {
    const [pack] = packsOfFleet('gitops', readFleet(fixture('gitops.queries.yml')), new Map());
    assert.deepEqual(
      pack?.queries.map(({ name, updateType, condition }) => [name, updateType, condition]),
      [
        ['Users', 'ADD', { platforms: ['darwin', 'linux'], version: '5.2.0', shard: 0 }],
        ['Memory', 'SNAPSHOT', ALL],
      ],
    );
    assert.deepEqual(
      pack?.policies.map(({ query, resolution }) => [query.name, resolution]),
      [['Encrypted', 'Encrypt it.']],
    );
  });
});

test('platforms are found as osquery finds them', () => {
  assert.deepEqual(platformsOf(''), ALL.platforms);
  assert.deepEqual(platformsOf('posix'), ['darwin', 'linux']);
  assert.deepEqual(platformsOf('ubuntu,windows'), ['linux', 'windows']);
  assert.deepEqual(platformsOf('any'), ALL.platforms);
  assert.deepEqual(platformsOf('freebsd'), []);
});

test('a version that every host has is no condition', () => {
  assert.deepEqual(['', '1.4.5', '5', '5.0.0', '5.0.1', '5.10.2', '6.0.0', 'x'].map(versionOf), [
    '',
    '',
    '',
    '',
    '5.0.1',
    '5.10.2',
    '6.0.0',
    '',
  ]);
});
