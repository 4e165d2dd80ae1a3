import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FleetDatabase, hostsWhere } from '../../src/console/fleet-database.ts';
import type { HostFacts } from '../../src/console/model.ts';
import { parseRow } from '../../src/console/row.ts';

const HOST: HostFacts = {
  ...{
    id: 'a',
    name: 'web-1',
    addresses: ['10.0.0.1'],
    groups: ['g'],
    platform: 'debian',
    os: '',
    version: '0.2.0',
  },
  ...{
    connected: true,
    since: 1_000,
    lastSeen: 2_000,
    gateway: '',
    rows: 3,
    rate: 0,
    lag: null,
    warnings: 0,
  },
};

test('rows of several shapes are one table, and columns called like ours get another name', () => {
  const database = new FleetDatabase();
  const add = (host: string, json: string) =>
    database.add({ host, hostname: host, at: 5_000, change: 'snapshot' }, parseRow(json));
  add('a', '{"name":"ssh","Host":"x","size":9007199254740993}');
  add('b', '{"name":"ssh","version":null}');
  assert.deepEqual(
    database.select('SELECT host, name, query_Host, size, version, time FROM rows ORDER BY host').rows,
    [
      ['a', 'ssh', 'x', 9007199254740993n, null, 5],
      ['b', 'ssh', null, null, null, 5],
    ],
  );
  assert.deepEqual(database.select('SELECT name, count(DISTINCT host) AS n FROM rows GROUP BY name'), {
    columns: ['name', 'n'],
    rows: [['ssh', 2]],
  });
  database.close();
});

test("a mistake is told in SQLite's words, and no file is opened", () => {
  const database = new FleetDatabase();
  assert.throws(() => database.select('SELECT absent FROM rows'), {
    name: 'FleetSqlError',
    message: /no such column/,
  });
  assert.throws(() => database.select("ATTACH '/tmp/x' AS x"), {
    name: 'FleetSqlError',
    message: /not authorized/,
  });
  database.close();
});

test('a condition picks hosts, with texts in either quotes', () => {
  const hosts = [HOST, { ...HOST, id: 'b', platform: 'windows', connected: false }];
  const ids = (condition: string) => hostsWhere(hosts, condition).map(({ id }) => id);
  assert.deepEqual(ids('platform = "debian"'), ['a']);
  assert.deepEqual(ids("platform = 'windows' OR groups LIKE '%g%'"), ['a', 'b']);
  assert.deepEqual(ids('NOT connected -- gone'), ['b']);
  assert.throws(() => ids('platform ='), { name: 'FleetSqlError' });
});
