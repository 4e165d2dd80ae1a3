import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { schemaDescribe } from '../../src/cli/generate/schema-columns.ts';
import { PLATFORMS } from '../../src/generate/model.ts';
import { type Plan, planQuery } from '../../src/generate/plan-query.ts';
import type { Column } from '../../src/osquery/columns.ts';

const describers = {
  darwin: schemaDescribe('darwin'),
  linux: schemaDescribe('linux'),
  windows: schemaDescribe('windows'),
};

async function planned(sql: string, platforms = PLATFORMS.slice(1, 2)): Promise<Plan> {
  const plan = await planQuery(sql, platforms, describers);
  assert.ok(typeof plan !== 'string', String(plan));
  return plan;
}

const types = (plan: Plan) => plan.columns.map(({ name, type }) => `${name}: ${type}`);

describe("osquery's tables, without an osqueryd", () => {
  const lines = readFileSync(
    join(import.meta.dirname, '../../fixtures/generate/columns.jsonl'),
    'utf8',
  ).trim();
  for (const line of lines.split('\n').slice(1)) {
    const { sql, columns }: { sql: string; columns: readonly Column[] } = JSON.parse(line);
    test(`columns are those that a real osqueryd tells: ${sql.replaceAll('\n', ' ').slice(0, 90)}`, async () => {
      assert.deepEqual(await describers.linux(sql), columns);
    });
  }

  test('each platform has its own columns, and hidden ones where they are named', async () => {
    const names = async (platform: keyof typeof describers, sql: string) =>
      (await describers[platform](sql)).map(({ name }) => name);
    assert.ok((await names('windows', 'SELECT * FROM processes')).includes('elevated_token'));
    assert.ok(!(await names('linux', 'SELECT * FROM processes')).includes('elevated_token'));
    assert.deepEqual(await names('linux', 'SELECT elevated_token FROM processes'), ['elevated_token']);
    await assert.rejects(describers.linux('SELECT * FROM launchd'), /^Error: no such table: launchd$/);
  });
});

describe('a query', () => {
  test('that has names and types of its own stays as it is, without what ends it', async () => {
    const plan = await planned("SELECT pid, name FROM processes WHERE name = ';' ; -- all\n;");
    assert.equal(plan.sql, "SELECT pid, name FROM processes WHERE name = ';'");
    assert.deepEqual(types(plan), ['pid: int', 'name: string']);
    assert.deepEqual(plan.notes, []);
  });

  test('with expressions gets the CAST that each needs, and keeps what it compares', async () => {
    const plan = await planned(
      'SELECT max(name) AS n, length(name) AS l, avg(pid) a FROM processes WHERE l > 5',
    );
    assert.equal(
      plan.sql,
      'WITH answer(n, l, a) AS (\nSELECT max(name) AS n, length(name) AS l, avg(pid) a FROM processes WHERE l > 5\n)' +
        ' SELECT CAST(n AS TEXT) AS n, CAST(l AS BIGINT) AS l, CAST(a AS DOUBLE) AS a FROM answer',
    );
    assert.deepEqual(types(plan), ['n: string', 'l: int', 'a: double']);
  });

  test('with what nobody can tell says so', async () => {
    const plan = await planned("SELECT json_extract(name, '$.a') AS j, max(name + 1) AS m FROM processes");
    assert.deepEqual(types(plan), ['j: string', 'm: int']);
    assert.deepEqual(plan.notes, [
      "The type of j can't be told: it comes as text. Write a CAST to another type where it has one.",
      "osquery says that m is a whole number, which its expression doesn't tell: a row with another value is held back. Write a CAST where it is none.",
    ]);
  });

  test('names its columns in place of a star, those that all its platforms have', async () => {
    const all = await planned('SELECT * FROM users', [...PLATFORMS]);
    assert.match(
      all.sql,
      /^SELECT uid, gid, uid_signed, gid_signed, username, .* FROM \(\nSELECT \* FROM users\n\)$/,
    );
    assert.ok(!all.sql.includes('is_hidden'));
    assert.deepEqual(all.notes, ['Not on all of its platforms, and left out: is_hidden, type.']);
    assert.ok(types(await planned('SELECT * FROM users', ['darwin'])).includes('is_hidden: int'));
  });

  test('is for the platforms alone that have its tables', async () => {
    const plan = await planned('SELECT * FROM mounts', [...PLATFORMS]);
    assert.deepEqual(plan.platforms, ['darwin', 'linux']);
    assert.deepEqual(plan.notes, ['Not on windows: no such table: mounts.']);
  });

  test('with two columns of one name gets two names', async () => {
    const plan = await planned('SELECT p.pid, q.pid FROM processes p JOIN processes q ON p.parent = q.pid');
    assert.equal(
      plan.sql,
      'WITH answer(pid, pid_2) AS (\nSELECT p.pid, q.pid FROM processes p JOIN processes q ON p.parent = q.pid\n) SELECT pid, pid_2 FROM answer',
    );
    const star = await planned('SELECT * FROM users JOIN user_groups USING (uid)');
    assert.equal(new Set(star.columns.map(({ name }) => name)).size, star.columns.length);
  });

  test('of several tables and expressions has a CAST for every column: osquery may mistake those of tables', async () => {
    const plan = await planned('SELECT p.pid, count(*) AS n FROM processes p JOIN users u USING (uid)');
    assert.match(plan.sql, /\) SELECT CAST\(pid AS BIGINT\) AS pid, CAST\(n AS BIGINT\) AS n FROM answer$/);
  });

  test('whose column osquery takes for another type beside an expression gets its own type back', async () => {
    // As a real osqueryd 5.23.1 answers for `instance_id` in some statements with several tables.
    const mistaken = async (sql: string): Promise<readonly Column[]> => {
      if (/^SELECT `?id`? FROM|CAST\(id/.test(sql))
        return [
          { name: 'id', type: 'TEXT' },
          { name: 'n', type: 'BIGINT' },
        ];
      return [
        { name: 'id', type: 'INTEGER' },
        { name: 'n', type: 'BIGINT' },
      ];
    };
    const plan = await planQuery('SELECT id, 1 AS n FROM one', ['linux'], { ...describers, linux: mistaken });
    assert.ok(typeof plan !== 'string');
    assert.match(plan.sql, /CAST\(id AS TEXT\) AS id/);
  });

  test('that osquery refuses has the reason, by platform where they differ', async () => {
    const refused = (sql: string) => planQuery(sql, [...PLATFORMS], describers);
    assert.equal(await refused('SELECT * FROM nosuch'), 'no such table: nosuch');
    assert.equal(await refused('SELECT 1; SELECT 2'), 'it is several statements');
    assert.equal(await refused('SELEC 1'), 'near "SELEC": syntax error');
    assert.equal(await refused('CREATE VIEW v AS SELECT 1'), 'the statement returns no rows');
    assert.equal(
      await refused('SELECT * FROM launchd, registry'),
      'darwin: no such table: registry; linux: no such table: launchd; windows: no such table: launchd',
    );
  });
});
