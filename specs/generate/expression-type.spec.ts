import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schemaDescribe } from '../../src/cli/generate/schema-columns.ts';
import { valueTypes } from '../../src/generate/type-source.ts';

const linux = schemaDescribe('linux');

const EXPRESSIONS: readonly (readonly [expression: string, type: string | undefined])[] = [
  ['name', 'TEXT'],
  ['p.pid', 'BIGINT'],
  ['`pid`', 'BIGINT'],
  ["'x'", 'TEXT'],
  ['"no column"', 'TEXT'],
  ['7', 'BIGINT'],
  ['0x1f', 'BIGINT'],
  ['7.5', 'DOUBLE'],
  ['1e3', 'DOUBLE'],
  ['NULL', 'NULL'],
  ['TRUE', 'BIGINT'],
  ['upper(name)', 'TEXT'],
  ['count(*)', 'BIGINT'],
  ['count(DISTINCT name)', 'BIGINT'],
  ['max(name)', 'TEXT'],
  ['max(pid)', 'BIGINT'],
  ['max(name) FILTER (WHERE pid > 1)', 'TEXT'],
  ['avg(pid)', 'DOUBLE'],
  ['sum(pid)', 'BIGINT'],
  ['sum(pid / 2.0)', 'DOUBLE'],
  ['pid + 1', 'BIGINT'],
  ['-pid', 'BIGINT'],
  ['pid * 1.5', 'DOUBLE'],
  ['name + 1', undefined],
  ['name || pid', 'TEXT'],
  ["name || '>' || pid", 'TEXT'],
  ['pid > 3', 'BIGINT'],
  ['NOT on_disk', 'BIGINT'],
  ["name LIKE 'a%'", 'BIGINT'],
  ['pid IN (1, 2)', 'BIGINT'],
  ['pid & 1', 'BIGINT'],
  ['pid | 1', 'BIGINT'],
  ['EXISTS (SELECT 1)', 'BIGINT'],
  ["CASE WHEN pid > 3 THEN 'a' ELSE name END", 'TEXT'],
  ['CASE WHEN pid > 3 THEN 1 END', 'BIGINT'],
  ['CASE pid WHEN 1 THEN NULL ELSE 2.5 END', 'DOUBLE'],
  ["CASE WHEN pid > 3 THEN CASE WHEN 1 THEN 1 ELSE 2 END ELSE 'b' END", 'TEXT'],
  ['coalesce(NULL, pid, 0)', 'BIGINT'],
  ["ifnull(pid, 'none')", 'TEXT'],
  ["iif(pid > 3, 'a', 'b')", 'TEXT'],
  ['CAST(pid AS DOUBLE)', 'DOUBLE'],
  ['CAST(pid AS VARCHAR(3))', 'TEXT'],
  ['CAST(pid AS unsigned big int)', 'BIGINT'],
  ['round(pid / 3, 2)', 'DOUBLE'],
  ['((pid))', 'BIGINT'],
  ['(pid) + (pid)', 'BIGINT'],
  ['name COLLATE NOCASE', 'TEXT'],
  ['(SELECT username FROM users)', 'TEXT'],
  ['(SELECT count(*) FROM users)', 'BIGINT'],
  ["json_extract(name, '$.a')", undefined],
  ["name ->> 'a'", undefined],
  ['unknown_function(pid)', undefined],
  ["split(name, '/', 0)", 'TEXT'],
  ['row_number() OVER (ORDER BY pid)', 'BIGINT'],
];

for (const [expression, type] of EXPRESSIONS) {
  test(`${expression} is ${type ?? 'unknown'}`, async () => {
    for (const item of [expression, `${expression} AS x`]) {
      const types = await valueTypes(
        `SELECT ${item}, pid FROM processes p WHERE pid > 1 ORDER BY pid`,
        linux,
      );
      assert.deepEqual(types, [type, 'BIGINT']);
    }
  });
}

test('a name without AS is no part of the expression', async () => {
  assert.deepEqual(await valueTypes('SELECT max(name) longest, pid number, 1 "one" FROM processes', linux), [
    'TEXT',
    'BIGINT',
    'BIGINT',
  ]);
});

test('several SELECTs have the type that has room for all', async () => {
  const of = (sql: string) => valueTypes(sql, linux);
  assert.deepEqual(await of("SELECT pid FROM processes UNION SELECT 'x'"), ['TEXT']);
  assert.deepEqual(await of('SELECT pid FROM processes UNION ALL SELECT 2.5 ORDER BY 1'), ['DOUBLE']);
  assert.deepEqual(await of('WITH a(b) AS (SELECT name FROM processes) SELECT max(b), 1 FROM a'), [
    'TEXT',
    'BIGINT',
  ]);
});

test('a list with a star tells nothing, nor does what is no SELECT', async () => {
  assert.equal(await valueTypes('SELECT *, 1 FROM processes', linux), undefined);
  assert.equal(await valueTypes('SELECT p.* FROM processes p', linux), undefined);
  assert.equal(await valueTypes('VALUES (1)', linux), undefined);
  assert.equal(await valueTypes("SELECT 'open", linux), undefined);
});
