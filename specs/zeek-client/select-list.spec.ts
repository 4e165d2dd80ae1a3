import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { columnNames } from '../../src/zeek-client/column-names.ts';
import { selectListNames } from '../../src/zeek-client/select-list.ts';

/** What SQLite itself calls the columns. */
function sqliteNames(sql: string): string[] {
  const database = new DatabaseSync(':memory:');
  try {
    database.exec('CREATE TABLE t (pid, name, path, "odd name"); CREATE TABLE u (pid, "from")');
    return database
      .prepare(sql)
      .columns()
      .map(({ name }) => name);
  } finally {
    database.close();
  }
}

const NAMED = [
  'SELECT pid, name FROM t',
  'select t.pid, main.t.name\n, path from t where pid > 1',
  'SELECT DISTINCT pid AS p, count(*) AS "how many", upper(name) AS [loud], path `the path` FROM t',
  "SELECT pid AS 'p''s', name AS \"a\"\"b\", coalesce(name, ',', (SELECT max(pid) FROM u)) AS c FROM t",
  "SELECT pid, 'FROM', name AS x FROM t",
  'SELECT /* a, b */ pid -- , c\n, name FROM t',
  'SELECT pid, CASE WHEN pid > 1 THEN 2 ELSE 3 END AS k FROM t JOIN u USING (pid)',
  'SELECT u."from", "t"."odd name" FROM u, t',
  'SELECT 1 AS one',
  'SELECT pid FROM t UNION SELECT pid FROM u ORDER BY pid LIMIT 3;',
  'WITH w AS (SELECT 1 AS a) SELECT a FROM w',
  'WITH RECURSIVE n(a, b) AS MATERIALIZED (SELECT 1, 2 UNION ALL SELECT a + 1, 3 FROM n WHERE a < 3) SELECT n.a, count(*) AS c FROM n',
  'SELECT CAST(pid AS TEXT) AS pid, pid IN (1, 2) AS known FROM t',
  'SELECT 1.5e+3 AS big, .5 AS half, 0x1F AS hex, -pid AS minus, pid * 2 AS twice FROM t',
];

const UNCOUNTABLE = [
  'SELECT * FROM t',
  'SELECT pid, t.* FROM t',
  'SELECT t.*, pid FROM t',
  'WITH w AS (SELECT 1 AS a)',
  'VALUES (1, 2)',
  'EXPLAIN SELECT pid FROM t',
  '',
  'SELECT',
  'SELECT pid, FROM t',
  "SELECT 'no end FROM t",
  'SELECT pid) FROM t',
];

describe('the names in a select list', () => {
  for (const sql of NAMED) {
    test(`are those that SQLite finds, where there are any: ${sql.replaceAll('\n', ' ')}`, () => {
      const found = sqliteNames(sql);
      const names = selectListNames(sql);
      assert.equal(names?.length, found.length);
      assert.deepEqual(
        names?.map((name, index) => name ?? found[index]),
        found,
      );
    });
  }

  test('are unknown one by one where there is only an expression', () => {
    assert.deepEqual(selectListNames('SELECT pid, count(*), \'x\', "name", NULL, pid p FROM t'), [
      'pid',
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  for (const sql of UNCOUNTABLE) {
    test(`are unknown altogether: ${sql || 'nothing'}`, () => assert.equal(selectListNames(sql), undefined));
  }

  test('never differ from what SQLite finds, and no text makes them throw', () => {
    const words = fc.constantFrom(
      ...[
        'pid',
        'name',
        'AS',
        ',',
        'FROM',
        't',
        '*',
        '.',
        '(',
        ')',
        'count',
        '1',
        '"a""b"',
        "'x'",
        '+',
        '||',
      ],
      ...['[k]', '`z`', 'NULL', 'DISTINCT', '--', '\n', ';', 'WHERE', 'u', 'CASE', 'END', 'WHEN', 'THEN'],
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 9 }), (list) => {
        const sql = `SELECT ${list.join(' ')} FROM t`;
        const names = selectListNames(sql);
        let found: string[];
        try {
          found = sqliteNames(sql);
        } catch {
          return;
        }
        if (!names) return;
        assert.equal(names.length, found.length, sql);
        for (const [index, name] of names.entries())
          if (name !== undefined) assert.equal(name, found[index], sql);
      }),
      { numRuns: 1_000 },
    );
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void selectListNames(`SELECT ${text}`)));
  });
});

describe('the names of columns', () => {
  test('are those given, before those of the query', () => {
    assert.deepEqual(columnNames('zeek-osquery', 'SELECT * FROM t', ['a', 'b']), ['a', 'b']);
    assert.deepEqual(columnNames('zeek-osquery', 'SELECT x FROM t', undefined), ['x']);
  });

  test('are in alphabetical order, each once, in the vocabulary that sends them so', () => {
    assert.deepEqual(columnNames('bro-2017-01', 'SELECT pid, name, pid FROM t', undefined), ['name', 'pid']);
    assert.deepEqual(columnNames('bro-2017-01', 'SELECT * FROM t', ['pid', 'name']), ['name', 'pid']);
  });

  test('are unknown there if one is, or might be called otherwise by osquery', () => {
    assert.equal(columnNames('bro-2017-01', 'SELECT pid, count(*) FROM t', undefined), undefined);
    assert.equal(columnNames('bro-2017-01', 'SELECT PID, name FROM t', undefined), undefined);
  });
});
