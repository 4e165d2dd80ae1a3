import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { cellText } from '../../src/osquery/cell-text.ts';
import { columnDefinitions } from '../../src/osquery/sql-identifier.ts';
import { columns, type TableColumn, type TableRow } from '../../src/sandbox/osqueryd/sql/table.ts';
import { availableNames } from '../../src/zeek-agent/available.ts';
import type { HostFacts } from '../../src/zeek-agent/bodies.ts';
import { filled } from '../../src/zeek-agent/filled.ts';
import { ZEEK_AGENT_TABLES, zeekAgentTable } from '../../src/zeek-agent/tables.ts';
import { translate } from '../../src/zeek-agent/translate-store.ts';

/**
 * Translated statements over tables of osquery's shape, in the schema that osquery has them in. Columns as in osquery
 * 5.23's specifications, those that are used; what osquery itself makes of it is `specs/cli/zeek-agent.int.spec.ts`.
 */
interface OsqueryTable {
  readonly columns: readonly TableColumn[];
  readonly rows: readonly TableRow[];
}

const SOCKET_COLUMNS = [
  'family INTEGER',
  'protocol INTEGER',
  'local_address TEXT',
  'remote_address TEXT',
  'local_port INTEGER',
  'remote_port INTEGER',
] as const;

const OSQUERY: Readonly<Record<string, OsqueryTable>> = {
  processes: {
    columns: columns(
      ...[
        'pid BIGINT',
        'name TEXT',
        'cmdline TEXT',
        'uid BIGINT',
        'gid BIGINT',
        'euid BIGINT',
        'egid BIGINT',
      ],
      ...['resident_size BIGINT', 'total_size BIGINT', 'user_time BIGINT', 'system_time BIGINT'],
      ...['start_time BIGINT', 'parent BIGINT', 'nice INTEGER'],
    ),
    rows: [
      {
        ...{
          pid: 1,
          name: 'init',
          cmdline: '/sbin/init',
          uid: 0,
          gid: 0,
          euid: 0,
          egid: 0,
          parent: 0,
          nice: 0,
        },
        ...{ resident_size: 4096, total_size: 8192, user_time: 1999, system_time: 1000, start_time: 100 },
      },
      {
        ...{ pid: 7, name: 'sshd', cmdline: 'sshd', uid: 5, gid: 6, euid: 7, egid: 8, parent: -1, nice: -5 },
        ...{ resident_size: -1, total_size: -1, user_time: -1, system_time: 0, start_time: 200 },
      },
    ],
  },
  users: {
    columns: columns(
      ...['uid BIGINT', 'gid BIGINT', 'username TEXT', 'description TEXT', 'directory TEXT', 'shell TEXT'],
    ),
    rows: [
      { uid: 0, gid: 0, username: 'root', description: '', directory: '/root', shell: '/bin/sh' },
      { uid: 9, gid: 8, username: 'web', description: 'Web', directory: '/srv', shell: '' },
    ],
  },
  process_open_sockets: {
    columns: columns('pid BIGINT', 'fd BIGINT', 'socket BIGINT', ...SOCKET_COLUMNS, 'state TEXT'),
    rows: [
      // One socket, of two processes, one of which has it twice.
      ...[
        { pid: 7, fd: 3 },
        { pid: 7, fd: 4 },
        { pid: 9, fd: 3 },
      ].map((owner) => ({
        ...{ ...owner, socket: 11, family: 2, protocol: 6, local_address: '10.0.0.1', local_port: 22 },
        ...{ remote_address: '10.0.0.2', remote_port: 4711, state: 'FIN_WAIT2' },
      })),
      // Two that nobody has any more, which osquery gives no number.
      ...[4712, 4713].map((remote_port) => ({
        ...{ pid: -1, fd: -1, socket: 0, family: 2, protocol: 6, local_address: '10.0.0.1', local_port: 22 },
        ...{ remote_address: '10.0.0.2', remote_port, state: 'TIME_WAIT' },
      })),
      {
        ...{ pid: 1, fd: 5, socket: 12, family: 10, protocol: 17, local_address: '::', local_port: 53 },
        ...{ remote_address: '::', remote_port: 0, state: '' },
      },
      { pid: 1, fd: 6, socket: 13, family: 1, protocol: 0, local_address: '', remote_address: '', state: '' },
    ],
  },
  file: {
    columns: columns(
      ...['path TEXT', 'uid BIGINT', 'gid BIGINT', 'mode TEXT', 'size BIGINT', 'mtime BIGINT', 'type TEXT'],
    ),
    rows: (
      [
        ['/etc/passwd', 'regular', '0644'],
        ['/etc/ssh/', 'directory', '0755'],
        ['/etc/x.sock', 'socket', '0000'],
        ['/etc/tty', 'character', '4620'],
        ['/etc/gone', 'unknown', '0777'],
      ] as const
    ).map(([path, type, mode]) => ({ path, type, mode, uid: 0, gid: 0, size: 3, mtime: 1_795_496_058 })),
  },
  socket_events: {
    columns: columns(
      'action TEXT',
      'pid BIGINT',
      'path TEXT',
      'status TEXT',
      ...SOCKET_COLUMNS,
      'time BIGINT',
    ),
    rows: [
      {
        ...{ action: 'connect', pid: 7, path: '/usr/sbin/sshd', status: 'succeeded', family: 2, protocol: 0 },
        ...{
          local_address: '',
          local_port: 0,
          remote_address: '10.0.0.2',
          remote_port: 22,
          time: 1_795_496_058,
        },
      },
      {
        ...{ action: 'bind', pid: 99, path: 'x', status: 'succeeded', family: 10, protocol: 6 },
        ...{ local_address: '::1', local_port: 80, remote_address: '', remote_port: 0, time: 1_795_496_059 },
      },
      { action: 'connect', pid: 7, path: '/', status: 'failed', family: 1, time: 1 },
    ],
  },
  process_events: {
    columns: columns(
      ...['pid BIGINT', 'path TEXT', 'uid BIGINT', 'euid BIGINT', 'gid BIGINT', 'egid BIGINT'],
      ...['parent BIGINT', 'time BIGINT'],
    ),
    rows: [{ pid: 5, path: '/bin/ls', uid: 1, euid: 2, gid: 3, egid: 4, parent: 7, time: 1_795_496_058 }],
  },
  syslog_events: {
    columns: columns('time BIGINT', 'severity INTEGER', 'tag TEXT', 'message TEXT'),
    rows: [{ time: 5, severity: 6, tag: 'cron', message: 'hello' }],
  },
};

const FACTS: HostFacts = {
  tables: new Set(Object.keys(OSQUERY)),
  platform: 'linux',
  hasSystemLog: false,
};

async function lookUp(table: string) {
  return OSQUERY[table]?.columns.map(({ name, type, hidden = false }) => ({ name, type, hidden }));
}

/** Rows of the statement as osquery would give them; NULL and the empty text are told apart. */
async function run(sql: string, facts: HostFacts = FACTS) {
  const { translation, columns: known } = await translate(sql, 'zeek-agent-2', facts, lookUp);
  using database = new DatabaseSync(':memory:', { enableDoubleQuotedStringLiterals: true });
  for (const [name, table] of Object.entries(OSQUERY)) {
    database.exec(`CREATE TABLE temp.${name} (${columnDefinitions(table.columns)})`);
    const insert = database.prepare(
      `INSERT INTO temp.${name} VALUES (${table.columns.map(() => '?').join(', ')})`,
    );
    for (const row of table.rows) insert.run(...table.columns.map((column) => row[column.name] ?? null));
  }
  const statement = database.prepare(translation ? filled(translation) : sql);
  statement.setReadBigInts(true);
  const names = statement.columns().map(({ name }) => name);
  const rows = statement.all().map((row) => {
    const cells = names.map((name) => row[name] ?? null);
    return cells.map((cell) => (cell === null ? null : cellText(cell)));
  });
  return { names, rows, types: known.map(({ zeek }) => zeek), translation };
}

test('each table of Zeek Agent gives its columns in their order, with their types', async () => {
  for (const { name, columns: expected, parameters } of ZEEK_AGENT_TABLES) {
    const source = !parameters ? name : `${name}('/etc/*'${name === 'files_columns' ? ", '$1:text'" : ''})`;
    const { names, types } = await run(`SELECT * FROM ${source}`);
    assert.deepEqual(
      names,
      expected.map((column) => column.name),
      name,
    );
    assert.deepEqual(
      types,
      expected.map((column) =>
        name === 'files_columns' && column.name === 'columns' ? { record: ['string'] } : column.type,
      ),
    );
  }
});

test('processes', async () => {
  const { rows } = await run('SELECT * FROM processes ORDER BY pid');
  assert.deepEqual(rows, [
    ['init', '1', '0', '0', '0', '0', '0', '20', null, '8192', '4096', '1000000000', '1000000000'],
    // What osquery does not know is unset.
    ['sshd', '7', null, '7', '8', '5', '6', '15', null, null, null, null, '0'],
  ]);
  const mac = await run('SELECT startup, priority FROM processes WHERE pid = 1', {
    ...FACTS,
    platform: 'darwin',
  });
  assert.deepEqual(mac.rows, [['100000000000', '0']]);
});

test('sockets are there once, whoever has them', async () => {
  const { rows } = await run('SELECT * FROM sockets ORDER BY local_port, remote_port');
  assert.deepEqual(rows, [
    ['7', 'sshd', 'IPv4', '6', '10.0.0.1', '22', '10.0.0.2', '4711', 'FIN_WAIT_2'],
    [null, null, 'IPv4', '6', '10.0.0.1', '22', '10.0.0.2', '4712', 'TIME_WAIT'],
    [null, null, 'IPv4', '6', '10.0.0.1', '22', '10.0.0.2', '4713', 'TIME_WAIT'],
    ['1', 'init', 'IPv6', '17', '::', '53', '::', '0', null],
  ]);
});

test('users, files, and the log of the system', async () => {
  assert.deepEqual((await run('SELECT * FROM users')).rows, [
    ['root', '', '1', null, '0', '0', '/root', '/bin/sh', null],
    ['web', 'Web', '0', null, '9', '8', '/srv', '', null],
  ]);
  const time = '1795496058000000';
  assert.deepEqual((await run("SELECT * FROM files_list('/etc/*')")).rows, [
    ['/etc/passwd', 'file', '0', '0', '644', time, '3'],
    ['/etc/ssh', 'dir', '0', '0', '755', time, '3'],
    ['/etc/x.sock', 'socket', '0', '0', '0', time, '3'],
    ['/etc/tty', 'char', '0', '0', '4620', time, '3'],
    ['/etc/gone', 'other', '0', '0', '777', time, '3'],
  ]);
  assert.deepEqual((await run("SELECT path FROM files_list('/etc/[st]??')")).rows, [
    ['/etc/ssh'],
    ['/etc/tty'],
  ]);
  assert.deepEqual((await run('SELECT * FROM system_logs_events')).rows, [
    ['5000000', 'cron', '6', 'hello', null],
  ]);
});

test('events of processes and sockets', async () => {
  const time = '1795496058000000';
  assert.deepEqual((await run('SELECT * FROM processes_events')).rows, [
    [time, 'ls', '5', '7', '2', '4', '1', '3', ...Array(6).fill(null), 'started'],
  ]);
  const { rows, translation } = await run('SELECT * FROM sockets_events');
  assert.deepEqual(rows, [
    [time, '7', 'sshd', '7', '8', 'IPv4', null, '', null, '10.0.0.2', '22', 'established'],
    ['1795496059000000', '99', 'x', null, null, 'IPv6', '6', '::1', '80', '', null, 'listen'],
  ]);
  assert.match(translation?.sql ?? '', /FROM temp\.socket_events/);
});

test('joins, sub-queries, aliases and expressions see the same tables', async () => {
  const joined = await run(
    'SELECT p.name AS who, u.name, s.remote_addr, count(*) AS n FROM sockets s JOIN processes p USING (pid) LEFT JOIN users u ON u.uid = p.ruid WHERE s.process = "sshd" GROUP BY 1',
  );
  assert.deepEqual(joined.rows, [['sshd', null, '10.0.0.2', '1']]);
  assert.deepEqual(joined.types, ['string', 'string', 'addr', undefined]);
  const nested = await run(
    'SELECT x.*, (SELECT count(*) FROM files_list("/etc/*")) FROM (SELECT pid, utime FROM processes) AS x WHERE pid IN (SELECT pid FROM sockets WHERE family = "IPv6")',
  );
  assert.deepEqual(nested.rows, [['1', '1000000000', '5']]);
  assert.deepEqual(nested.types, ['count', 'interval', undefined]);
  const united = await run('SELECT name FROM users UNION SELECT name FROM processes ORDER BY 1');
  assert.deepEqual(united.rows.flat(), ['init', 'root', 'sshd', 'web']);
  const own = await run(
    'WITH sockets AS (SELECT 1 AS one), q AS (SELECT pid FROM processes) SELECT one, pid FROM sockets, q',
  );
  assert.deepEqual(own.rows, [
    ['1', '1'],
    ['1', '7'],
  ]);
  assert.deepEqual(own.types, [undefined, 'count']);
});

test("osquery's own tables are there under their schema, and for queries that only make sense of them", async () => {
  const both = await run(
    'SELECT p.pid, o.cmdline FROM processes p JOIN temp.processes o ON o.pid = p.ppid + 1',
  );
  assert.deepEqual(both.rows, [['1', '/sbin/init']]);
  assert.deepEqual(both.types, ['count', undefined]);
  const plain = await run('SELECT pid, cmdline FROM processes WHERE pid = 1');
  assert.deepEqual(plain.rows, [['1', '/sbin/init']]);
  assert.deepEqual([plain.translation, plain.types], [undefined, [undefined, undefined]]);
  const mixed = await run(
    'SELECT o.cmdline, s.state FROM processes o JOIN sockets s USING (pid) WHERE pid = 7',
  );
  assert.deepEqual(mixed.rows, [['sshd', 'FIN_WAIT_2']]);
  assert.deepEqual(mixed.types, [undefined, 'string']);
  assert.deepEqual((await run('SELECT cmdline FROM temp.processes')).translation, undefined);
});

test('what this process reads is a source, and the rest of the statement stays', async () => {
  const { translation, types } = await run(
    'SELECT l.content, p.name FROM files_lines("/run/*.pid") l JOIN processes p ON p.pid = l.content',
  );
  assert.deepEqual(translation?.sources, [{ kind: 'lines', name: 'zeek_agent_1', pattern: '/run/*.pid' }]);
  assert.match(
    translation.sql,
    /^WITH processes AS MATERIALIZED \(.*\) SELECT l\.content, p\.name FROM zeek_agent_1 l JOIN/,
  );
  assert.deepEqual(types, ['string', 'string']);
  const log = await run('SELECT message FROM system_logs_events', { ...FACTS, hasSystemLog: true });
  assert.deepEqual(log.translation?.sources, [{ kind: 'system-log', name: 'system_logs_events' }]);
});

test('Zeek Agent 1 has its own log besides the tables of osquery', async () => {
  const first = (sql: string) => translate(sql, 'zeek-agent-1', FACTS, lookUp);
  const sql = 'SELECT time, severity, message FROM zeek_logger';
  const source = { kind: 'agent-log', name: 'zeek_logger' };
  assert.deepEqual(await first(sql), {
    translation: { sql, sources: [source] },
    columns: [{ zeek: 'int' }, { zeek: 'string' }, { zeek: 'string' }],
  });
  assert.deepEqual(await first('SELECT cmdline FROM processes'), { columns: [{}] });
  await assert.rejects(first('SELECT ppid FROM processes'), { message: 'no such column: ppid' });
  await assert.rejects(first("SELECT * FROM files_list('/etc/*')"), { message: /files_list/ });
});

test('what nobody could run is refused in the words of who asks', async () => {
  for (const [sql, problem] of [
    ['SELECT foo FROM bar', /^no such table: bar$/],
    ['SELECT nope FROM processes', /^no such column: nope$/],
    ['SELECT path FROM files_list', /^mandatory table parameter 'pattern' of files_list is missing/],
    ["SELECT * FROM files_list('etc/*')", /^files_list: the pattern "etc\/\*" is not an absolute path$/],
    ["SELECT * FROM files_columns('/a', '$1:bool')", /^invalid column specification/],
    ['SELEC 1', /syntax error/],
    ['WITH processes AS (SELECT * FROM processes) SELECT * FROM processes', /circular reference: processes/],
  ] as const) {
    await assert.rejects(run(sql), { message: problem }, sql);
  }
});

test('a host has the tables that it can make', async () => {
  const names = (facts: Partial<HostFacts>) => availableNames({ ...FACTS, ...facts });
  assert.deepEqual(
    names({}),
    ZEEK_AGENT_TABLES.map(({ name }) => name),
  );
  assert.deepEqual(names({ tables: new Set(['users']) }), [
    'files_columns',
    'files_lines',
    'users',
    'zeek_agent',
  ]);
  assert.deepEqual(names({ tables: new Set(), platform: 'windows', hasSystemLog: true }), [
    'system_logs_events',
    'zeek_agent',
  ]);
  await assert.rejects(
    run('SELECT * FROM sockets_events', { ...FACTS, tables: new Set() }),
    /no such table: sockets_events/,
  );
  assert.equal(zeekAgentTable('nothing'), undefined);
});
