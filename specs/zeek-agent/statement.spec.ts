import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFields } from '../../src/zeek-agent/fields.ts';
import { filled, plainColumns } from '../../src/zeek-agent/filled.ts';
import { parseStatement, withDefinitions } from '../../src/zeek-agent/statement.ts';

const LINES = { kind: 'lines', name: 'zeek_agent_1', pattern: '/x' } as const;

test('a table that is read like a function gets a name, and keeps its own', () => {
  const cases: readonly [sql: string, without: string, values: readonly (readonly string[])[]][] = [
    ['SELECT * FROM files_list("/etc/*")', 'SELECT * FROM zeek_agent_1 AS files_list', [['/etc/*']]],
    [
      "SELECT f.path FROM Files_List ( '/a''b' ) f WHERE 1",
      'SELECT f.path FROM zeek_agent_1 f WHERE 1',
      [["/a'b"]],
    ],
    ['SELECT * FROM files_lines("/a") AS l;', 'SELECT * FROM zeek_agent_1 AS l;', [['/a']]],
    [
      'SELECT * FROM files_lines("/a") JOIN files_lines("/b") USING (number)',
      'SELECT * FROM zeek_agent_1 AS files_lines JOIN zeek_agent_2 AS files_lines USING (number)',
      [['/a'], ['/b']],
    ],
    [
      'SELECT 1 WHERE EXISTS (SELECT 1 FROM files_columns("/a", "$1:int", ":"))',
      'SELECT 1 WHERE EXISTS (SELECT 1 FROM zeek_agent_1 AS files_columns)',
      [['/a', '$1:int', ':', '^[ \\t]*([#;]|$)']],
    ],
    [
      "SELECT 'files_list(\"/etc\")' -- files_list('/x')",
      "SELECT 'files_list(\"/etc\")' -- files_list('/x')",
      [],
    ],
    ['SELECT x.files_list(1)', 'SELECT x.files_list(1)', []],
  ];
  for (const [sql, without, values] of cases) {
    const statement = parseStatement(sql);
    assert.equal(statement.sql, without);
    assert.deepEqual(
      statement.calls.map((call) => call.values),
      values,
    );
  }
});

test('a call that has not what it needs, or something else, says so', () => {
  for (const [sql, problem] of [
    ['SELECT * FROM files_list()', /mandatory table parameter 'pattern' of files_list is missing/],
    ['SELECT * FROM files_columns("/a")', /mandatory table parameter 'columns' of files_columns is missing/],
    ['SELECT * FROM files_list("/a", "/b")', /takes 1 parameters \(pattern\), not 2/],
    ['SELECT * FROM files_list(path)', /its pattern is something else/],
    ["SELECT * FROM files_list('/a' || '/b')", /its pattern is something else/],
    ["SELECT * FROM files_list('/a'", /its pattern is something else, or not closed/],
    ["SELECT * FROM files_list('/a", /a text in quotes does not end/],
  ] as const) {
    assert.throws(() => parseStatement(sql), problem, sql);
  }
});

test('tables are put before a statement, behind its own WITH and its comments', () => {
  const tables = [
    { name: 'a', body: 'SELECT 1' },
    { name: 'b', columns: ['x'], body: 'SELECT 2', isKept: true },
  ];
  const text = 'a AS (SELECT 1), b(x) AS MATERIALIZED (SELECT 2)';
  for (const [sql, expected] of [
    ['SELECT 1', `WITH ${text} SELECT 1`],
    ['-- why\nSELECT 1', `-- why\nWITH ${text} SELECT 1`],
    ['WITH c AS (SELECT 3) SELECT 1', `WITH ${text}, c AS (SELECT 3) SELECT 1`],
    ['with recursive c AS (SELECT 3) SELECT 1', `with recursive ${text}, c AS (SELECT 3) SELECT 1`],
  ] as const) {
    assert.equal(withDefinitions(sql, tables), expected);
  }
  assert.equal(withDefinitions('SELECT 1', []), 'SELECT 1');
});

test("a statement's own names are its own", () => {
  const { ownTables } = parseStatement(
    'WITH RECURSIVE Processes(a, b) AS (SELECT 1, 2), "s" AS MATERIALIZED (WITH inner AS (SELECT 1) SELECT 1) SELECT 1, x FROM s',
  );
  assert.deepEqual([...ownTables], ['processes', 's']);
});

test('fields are numbers and types', () => {
  assert.deepEqual(parseFields('$1:text, $3:COUNT ,$0:blob,$2:int,$4:real'), [
    { number: 1, type: 'string' },
    { number: 3, type: 'count' },
    { number: 0, type: 'string' },
    { number: 2, type: 'int' },
    { number: 4, type: 'double' },
  ]);
  for (const spec of ['', '$1', '1:text', '$1:addr', '$x:text', '$1:text,', '$1:toString']) {
    assert.throws(() => parseFields(spec), /invalid column specification/, spec);
  }
});

test('rows are written into a statement as they are', () => {
  const translation = { sql: 'SELECT * FROM zeek_agent_1 WHERE number > 1', sources: [LINES] };
  assert.equal(
    filled(translation, () => [
      ['/x', '1', "it's"],
      ['/x', null, 'a\0b'],
    ]),
    "WITH zeek_agent_1(path, number, content) AS (VALUES ('/x', 1, 'it''s'), ('/x', NULL, CAST(x'610062' AS TEXT))) SELECT * FROM zeek_agent_1 WHERE number > 1",
  );
  assert.equal(
    filled(translation),
    'WITH zeek_agent_1(path, number, content) AS (SELECT NULL, NULL, NULL WHERE 0) SELECT * FROM zeek_agent_1 WHERE number > 1',
  );
});

test('a statement that does nothing but name columns is known as that', () => {
  const columnsOf = (sql: string) =>
    plainColumns({ sql, sources: [LINES] })?.map(({ name, column }) => `${name}=${column}`);
  assert.deepEqual(columnsOf('SELECT * FROM zeek_agent_1 AS files_lines;'), [
    'path=path',
    'number=number',
    'content=content',
  ]);
  assert.deepEqual(columnsOf('select Content, number AS "n" FROM zeek_agent_1 f'), undefined);
  assert.deepEqual(columnsOf('select Content, number AS n FROM zeek_agent_1 f'), [
    'content=content',
    'n=number',
  ]);
  for (const sql of [
    'SELECT DISTINCT path FROM zeek_agent_1',
    'SELECT * FROM zeek_agent_1 WHERE number = 1',
    'SELECT * FROM zeek_agent_1 LIMIT 1',
    'SELECT *, path FROM zeek_agent_1',
    'SELECT upper(path) FROM zeek_agent_1',
    'SELECT nothing FROM zeek_agent_1',
    'SELECT path, FROM zeek_agent_1',
    'SELECT path FROM zeek_agent_1, zeek_agent_2',
    'SELECT path FROM other',
    'VALUES (1)',
  ]) {
    assert.equal(columnsOf(sql), undefined, sql);
  }
  assert.equal(plainColumns({ sql: 'SELECT * FROM a', sources: [] }), undefined);
});
