import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OsqueryError } from '../../src/osquery/osquery-error.ts';
import { createTableAccessReader } from '../../src/osquery/table-access-store.ts';
import { type DeclaredColumn, lookUpTable, parseTableColumns } from '../../src/osquery/table-columns.ts';
import { readCallReply, readRecording } from '../support/osquery-recording.ts';

function columns(...names: readonly string[]): DeclaredColumn[] {
  return names.map((name) => ({ name, type: 'TEXT', hidden: false }));
}

const TABLES: Readonly<Record<string, readonly DeclaredColumn[]>> = {
  users: columns('uid', 'username', 'directory'),
  shadow: columns('username', 'password_status'),
  processes: columns('pid', 'name', 'uid'),
  file: columns('path', 'directory', 'size'),
};

function reader(asked: string[] = []) {
  return createTableAccessReader(async (table) => {
    asked.push(table);
    return TABLES[table];
  });
}

const READS: readonly [string, Readonly<Record<string, readonly string[]>>, readonly string[]][] = [
  ['SELECT 1', {}, []],
  ['SELECT uid FROM users', { users: ['uid'] }, []],
  ['select UID from USERS where Username = 1', { users: ['uid', 'username'] }, []],
  ['SELECT count(*) FROM users', { users: [] }, ['count']],
  ['SELECT * FROM processes', { processes: ['name', 'pid', 'uid'] }, []],
  ['SELECT name FROM processes JOIN users USING (uid)', { processes: ['name'], users: [] }, []],
  ['SELECT 1 FROM users NATURAL JOIN shadow', { shadow: [], users: [] }, []],
  [
    'SELECT 1 FROM users u LEFT JOIN shadow s ON s.username = u.uid',
    { shadow: ['username'], users: ['uid'] },
    [],
  ],
  ['SELECT 1 WHERE EXISTS (SELECT 1 FROM shadow)', { shadow: [] }, []],
  ['WITH users AS (SELECT username FROM shadow) SELECT * FROM users', { shadow: ['username'] }, []],
  ['SELECT 1 UNION SELECT password_status FROM main.shadow', { shadow: ['password_status'] }, []],
  ['SELECT "uid" FROM temp."users"', { users: ['uid'] }, []],
  ['SELECT 1; -- a comment\n SELECT size FROM file;', { file: ['size'] }, []],
  ["SELECT regex_match(path, 'x', 0), upper(path) FROM file", { file: ['path'] }, ['regex_match', 'upper']],
  ["SELECT value FROM json_each('[1]')", { json_each: ['value'] }, []],
  ['SELECT "text" FROM file WHERE path = "/etc"', { file: ['path'] }, []],
  ['SELECT sql FROM sqlite_master', { sqlite_master: ['sql'] }, []],
  ['', {}, []],
  [' ; -- nothing', {}, []],
];

test("a result's columns are columns of tables, or expressions", async () => {
  const sql = 'WITH u AS (SELECT uid AS id, username FROM users) SELECT id, upper(username) FROM u; SELECT 1';
  assert.deepEqual((await reader().read(sql)).result, [
    { name: 'id', origin: { table: 'users', column: 'uid' } },
    { name: 'upper(username)', origin: null },
  ]);
});

for (const [sql, tables, functions] of READS) {
  test(`what is read by: ${sql.replaceAll('\n', ' ') || 'nothing'}`, async () => {
    const { result: _, ...access } = await reader().read(sql);
    assert.deepEqual(access, {
      tables: Object.entries(tables).map(([table, read]) => ({ table, columns: read })),
      functions,
    });
  });
}

const REFUSED: readonly [string, string][] = [
  ['SELECT * FROM nosuch', 'no such table: nosuch'],
  ['SELECT nosuch FROM users', 'no such column: nosuch'],
  ['SELEC 1', 'near "SELEC": syntax error'],
  ['SELECT 1; SELEC 1', 'near "SELEC": syntax error'],
  ["ATTACH '/etc/x' AS x", 'not authorized'],
  ['CREATE VIEW v AS SELECT * FROM shadow', 'not authorized'],
  ['DELETE FROM users', 'not authorized'],
  ["INSERT INTO users VALUES ('1', '2', '3')", 'not authorized'],
  ['PRAGMA table_info(users)', 'not authorized'],
  [`SELECT '${'x'.repeat(1_000_000)}'`, 'string or blob too big'],
];

for (const [sql, message] of REFUSED) {
  test(`refused, in SQLite's words: ${sql.slice(0, 60)}`, async () => {
    await assert.rejects(reader().read(sql), new OsqueryError('refused', message, 1));
  });
}

test('each table is looked up once, again after forgetting', async () => {
  const asked: string[] = [];
  const access = reader(asked);
  await access.read('SELECT * FROM users, processes');
  await access.read('SELECT uid FROM Users');
  assert.deepEqual(asked, ['users', 'processes']);
  access.forget();
  await access.read('SELECT uid FROM users');
  assert.deepEqual(asked, ['users', 'processes', 'users']);
});

test('statements that are read at the same time do not mix', async () => {
  const access = reader();
  const [one, two] = await Promise.all([
    access.read('SELECT uid FROM users'),
    access.read('SELECT pid FROM processes'),
  ]);
  assert.deepEqual(one?.tables, [{ table: 'users', columns: ['uid'] }]);
  assert.deepEqual(two?.tables, [{ table: 'processes', columns: ['pid'] }]);
});

test("osquery's own description of a table is understood, hidden columns and aliases with it", async () => {
  const call = readRecording('s12_bad_updates').find(
    ({ method, request }) => method === 'call' && request.includes('columns') && request.includes('time'),
  );
  const { response } = await readCallReply(call?.reply ?? Buffer.alloc(0));
  const parsed = parseTableColumns(response ?? []);
  assert.deepEqual(parsed[0], { name: 'weekday', type: 'TEXT', hidden: false });
  assert.equal(parsed.length, (response?.length ?? 0) - 1, 'all but the attributes');
  assert.deepEqual(
    parseTableColumns([
      { id: 'column', name: 'eid', type: 'TEXT', op: '17' },
      { id: 'columnAlias', name: 'old', target: 'new' },
      { id: 'attributes', attributes: '0' },
    ]),
    [
      { name: 'eid', type: 'TEXT', hidden: true },
      { name: 'old', type: 'UNKNOWN', hidden: true },
    ],
  );
});

test('a table that osquery describes in neither way is unknown', async () => {
  const failing = { status: { code: 1, message: 'Cannot call registry item: v' }, response: [] };
  const asked: string[] = [];
  const client = {
    call: async () => failing,
    getQueryColumns: async (sql: string) => {
      asked.push(sql);
      if (sql.includes('a"')) return [{ name: 'x', type: 'TEXT' as const }];
      throw new OsqueryError('refused', 'no such table: v', 1);
    },
  };
  assert.equal(await lookUpTable(client, 'v'), undefined);
  assert.deepEqual(await lookUpTable(client, 'a"b'), [{ name: 'x', type: 'TEXT', hidden: false }]);
  assert.deepEqual(asked, ['SELECT * FROM "v"', 'SELECT * FROM "a""b"']);
  const gone = new OsqueryError('unreachable', 'gone');
  await assert.rejects(
    lookUpTable({ ...client, getQueryColumns: async () => Promise.reject(gone) }, 'v'),
    gone,
  );
});
