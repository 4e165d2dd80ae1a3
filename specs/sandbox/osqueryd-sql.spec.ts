import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { difference, restoredCell, rowKey, storedCell } from '../../src/sandbox/osqueryd/differ.ts';
import { escapeText } from '../../src/sandbox/osqueryd/escape.ts';
import { cellText, rowText, type TypedRow } from '../../src/sandbox/osqueryd/sql/cell.ts';
import { SqlEngine } from '../../src/sandbox/osqueryd/sql/engine.ts';
import { columns } from '../../src/sandbox/osqueryd/sql/table.ts';
import { MessageReader } from '../../src/sandbox/osqueryd/thrift/binary-reader.ts';
import { encodePluginCall } from '../../src/sandbox/osqueryd/thrift/messages.ts';

function engine(): SqlEngine {
  const sql = new SqlEngine();
  sql.attach({
    name: 'processes',
    columns: columns(
      'pid BIGINT',
      'name TEXT',
      'size UNSIGNED BIGINT',
      'secret TEXT hidden',
      'label TEXT =name',
    ),
    generate: () => [
      { pid: 1, name: 'init', size: 7, secret: 's' },
      { pid: '2', name: 'sh', size: '' },
    ],
  });
  sql.attach({
    name: 'time',
    columns: columns('unix_time INTEGER', 'hour INTEGER'),
    generate: () => [{ unix_time: 5, hour: 6 }],
  });
  return sql;
}

async function rows(sql: string): Promise<unknown> {
  const own = engine();
  try {
    return (await own.query(sql)).rows.map(rowText);
  } catch (error) {
    return (error as Error).message;
  } finally {
    own.close();
  }
}

test('values are rendered as osquery renders them', async () => {
  assert.deepEqual(
    await rows(
      "SELECT 1 AS a, 2.5 AS b, NULL AS c, x'00ff' AS d, x'6162' AS e, 1e20 AS f, 0.1 + 0.2 AS g, 9e999 AS h, 1.0 AS i, 2 > 1 AS j, 9223372036854775807 AS k",
    ),
    [
      {
        ...{ a: '1', b: '2.5', c: '', d: '', e: 'ab', f: '1e+20.0', g: '0.3', h: 'inf.0', i: '1.0', j: '1' },
        k: '9223372036854775807',
      },
    ],
  );
});

test('statements in one text answer one after another, empty ones with nothing', async () => {
  assert.deepEqual(await rows('; SELECT 1 AS a; -- x\nSELECT 2 AS b;'), [{ a: '1' }, { b: '2' }]);
  for (const nothing of ['', ';', '-- comment', '/* comment */']) assert.deepEqual(await rows(nothing), []);
});

test("errors are SQLite's own", async () => {
  assert.equal(await rows('SELECT * FROM nosuch'), 'no such table: nosuch');
  assert.equal(await rows('SELEC'), 'near "SELEC": syntax error');
  assert.equal(await rows('SELECT ('), 'incomplete input');
  assert.equal(await rows('SELECT nosuch FROM time'), 'no such column: nosuch');
  assert.equal(await rows("ATTACH 'x' AS y"), 'not authorized');
  assert.equal(await rows('VACUUM'), 'authorization denied');
  assert.equal(await rows('DELETE FROM time'), 'table time may not be modified');
});

test('tables and views of the user live on; they see the tables of osquery', async () => {
  const own = engine();
  await own.query('CREATE VIEW v AS SELECT name FROM processes WHERE pid > 1; CREATE TABLE t (a)');
  await own.query('INSERT INTO t SELECT pid FROM processes');
  const { rows: found } = await own.query('SELECT v.name, t.a FROM v, t WHERE t.a = 2');
  assert.deepEqual(found.map(rowText), [{ a: '2', name: 'sh' }]);
  assert.deepEqual((await own.query('SELECT count(*) AS n FROM t')).rows.map(rowText), [{ n: '2' }]);
  own.close();
});

test('hidden columns are there for who names them, and aliases too', async () => {
  assert.deepEqual(await rows('SELECT * FROM processes WHERE pid = 2'), [{ name: 'sh', pid: '2', size: '' }]);
  assert.deepEqual(await rows('SELECT secret, label FROM processes'), [
    { label: 'init', secret: 's' },
    { label: 'sh', secret: '' },
  ]);
});

test('bytes that are no UTF-8 come through, out of tables and out of SQL', async () => {
  const own = new SqlEngine();
  own.attach({
    name: 'odd',
    columns: columns('name TEXT'),
    generate: () => [{ name: 'a\udcff' }, { name: 'b' }],
  });
  const text = async (sql: string) => (await own.query(sql)).rows.map(rowText);
  assert.deepEqual(await text('SELECT name, length(name) AS n FROM odd ORDER BY name DESC'), [
    { n: '1', name: 'b' },
    { n: '2', name: 'a\udcff' },
  ]);
  assert.deepEqual(await text("SELECT CAST(x'ff41' AS TEXT) AS a, '\ufffd' AS b, NULL AS c, 7 AS c;"), [
    { a: '\udcffA', b: '\ufffd', c: '7' },
  ]);
  own.close();
});

test('of columns with one name the last counts', async () => {
  assert.deepEqual(await rows('SELECT 1 AS a, 2 AS b, 3 AS a'), [{ a: '3', b: '2' }]);
});

const TYPES: Readonly<Record<string, string>> = {
  pid: 'BIGINT',
  name: 'TEXT',
  size: 'UNSIGNED BIGINT',
  '1': 'INTEGER',
  '12345678901': 'BIGINT',
  "'x'": 'TEXT',
  '2.5': 'UNKNOWN',
  NULL: 'UNKNOWN',
  "x'00'": 'UNKNOWN',
  'pid+1': 'BIGINT',
  '-pid': 'BIGINT',
  'pid/2.0': 'BIGINT',
  "pid||'x'": 'TEXT',
  'pid>1': 'INTEGER',
  'NOT pid': 'INTEGER',
  'count(*)': 'BIGINT',
  'max(pid)': 'BIGINT',
  'min(name)': 'BIGINT',
  'avg(pid)': 'BIGINT',
  'sum(pid)': 'BIGINT',
  'group_concat(name)': 'BIGINT',
  'CASE WHEN pid>1 THEN 1 ELSE 2 END': 'INTEGER',
  'CASE WHEN pid>1 THEN name ELSE name END': 'UNKNOWN',
  'coalesce(name,1)': 'INTEGER',
  'coalesce(name,name)': 'UNKNOWN',
  'pid IN (1,2)': 'INTEGER',
  '~pid': 'UNKNOWN',
  'upper(name)': 'UNKNOWN',
  'length(name)': 'UNKNOWN',
  '(SELECT name FROM processes)': 'TEXT',
  'CAST(pid AS UNSIGNED BIGINT)': 'BIGINT',
  'CAST(pid AS INTEGER)': 'BIGINT',
  'CAST(pid AS BIGINT)': 'BIGINT',
  'CAST(pid AS TEXT)': 'TEXT',
  'CAST(pid AS DOUBLE)': 'DOUBLE',
  'CAST(pid AS REAL)': 'DOUBLE',
  'CAST(pid AS BLOB)': 'BLOB',
};

test('columns have the types that osquery finds, quirks included', () => {
  const own = engine();
  const found = Object.keys(TYPES).map((expression) => {
    const [column] = own.columns(`SELECT ${expression} FROM processes`);
    return [column?.name, column?.type];
  });
  assert.deepEqual(Object.fromEntries(found), TYPES);
  own.close();
});

test('columns of odd statements', () => {
  const own = engine();
  const names = (sql: string) => own.columns(sql).map(({ name, type }) => `${name} ${type}`);
  assert.deepEqual(names('SELECT pid, pid FROM processes'), ['pid BIGINT', 'pid BIGINT']);
  assert.deepEqual(names('SELECT Unix_Time FROM time'), ['unix_time INTEGER']);
  assert.deepEqual(names("VALUES (1, 'a')"), ['column1 INTEGER', 'column2 TEXT']);
  assert.deepEqual(names('SELECT pid AS a FROM processes UNION SELECT hour FROM time'), ['a BIGINT']);
  assert.deepEqual(names('CREATE TABLE q (a)'), []);
  for (const nothing of ['', ';', '-- c'])
    assert.throws(() => own.columns(nothing), { message: 'not an error' });
  assert.throws(() => own.columns('SELECT 1; SELECT 2'), { message: 'map::at' });
  own.close();
});

const cell = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double({ noNaN: true }),
  fc.string(),
);
const row = fc
  .dictionary(fc.constantFrom('a', 'b', 'c'), cell, { minKeys: 1 })
  .map((record): TypedRow => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
const bag = fc.array(row, { maxLength: 8 });

test('taking away what was removed and adding what was added gives the new result', () => {
  fc.assert(
    fc.property(bag, bag, bag, (common, before, after) => {
      const [previous, current] = [
        [...common, ...before],
        [...after, ...common],
      ];
      const { added, removed } = difference(previous, current);
      const sorted = (rows: readonly TypedRow[]) => rows.map(rowKey).sort();
      const left = sorted(previous);
      for (const key of sorted(removed)) left.splice(left.indexOf(key), 1);
      assert.deepEqual([...left, ...sorted(added)].sort(), sorted(current));
      const removedKeys = new Set(sorted(removed));
      assert.equal(
        sorted(added).some((key) => removedKeys.has(key)),
        false,
      );
    }),
  );
});

test('cells come back from the store as they went in', () => {
  fc.assert(fc.property(cell, (value) => assert.ok(Object.is(restoredCell(storedCell(value)), value))));
});

test('doubles have at most 15 digits', () => {
  const cases = [1, 0.1, -2.5, 1e15, 1e14, 123456789012345680, 1e-5, 0.0001, 1 / 3, -0];
  assert.deepEqual(cases.map(cellText), [
    ...['1.0', '0.1', '-2.5', '1e+15.0', '100000000000000.0', '1.23456789012346e+17', '1e-05.0', '0.0001'],
    ...['0.333333333333333', '-0.0'],
  ]);
});

test('control bytes and bytes that are no UTF-8 are escaped, letters of any alphabet are not', () => {
  assert.equal(escapeText('a\n\u0001\u007fé中😀\udcff'), 'a\\x0A\\x01\u007fé中😀\\xFF');
});

test('messages are read from chunks of any size', () => {
  const bytes = Buffer.concat([
    encodePluginCall('a', 'b', { k: 'é'.repeat(50) }),
    encodePluginCall('c', '', {}),
  ]);
  const whole = new MessageReader().push(bytes);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: bytes.length }), (size) => {
      const reader = new MessageReader();
      const messages = [];
      for (let at = 0; at < bytes.length; at += size)
        messages.push(...reader.push(bytes.subarray(at, at + size)));
      assert.deepEqual(messages, whole);
    }),
  );
});
