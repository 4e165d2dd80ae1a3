import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Data, none } from '../../src/broker/data.ts';
import type { ReceivedRow } from '../../src/zeek-client/model.ts';
import { startBro } from '../support/bro.ts';
import { place, until } from '../support/place.ts';

/**
 * The queries of the script package zeek-agent-v2 (2.3.0-dev and 2.4) and those of its agent's own tests, asked of the
 * extension beside a stand-in osqueryd: every column of every table, by its type.
 */

/** A value as Zeek would declare it. */
function typeOf(value: Data): string {
  switch (value.type) {
    case 'set':
      return `set(${[...new Set(value.values.map(typeOf))].join(',')})`;
    case 'vector':
      return `record(${value.values.map(typeOf).join(',')})`;
    default:
      return value.type;
  }
}

/**
 * A host with a journal that this spec writes, and files that it may read: an extension whose `journalctl` does of what it
 * asks what is needed, entries after a cursor, which here is the number of a line.
 */
async function hostWithFiles(t: TestContext, own: object = {}) {
  const zeek = await startBro(t, { vocabulary: 'zeek-agent-2' });
  const at = await place(t, { endpoints: [zeek.address], uid: 'h1', ...own });
  const files = join(at.directory, 'etc');
  mkdirSync(join(files, 'sub.d'), { recursive: true });
  writeFileSync(join(files, 'sshd_config'), '# comment\n\n  Port 22\nPermitRootLogin\tno\nBanner\n');
  writeFileSync(join(files, 'keys'), '  ssh-ed25519 AAAA \\x0A me@host  \n\nsecond');
  const journal = join(at.directory, 'journal');
  writeFileSync(journal, '');
  const bin = join(at.directory, 'bin');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'journalctl'),
    `#!/bin/sh
from=1
for word; do
  case $word in
    --after-cursor=*) from=$((\${word#*=} + 1));;
    --lines=1) from=$(wc -l < ${journal}); [ "$from" -gt 0 ] || from=1;;
  esac
done
exec tail -n +$from ${journal}
`,
  );
  chmodSync(join(bin, 'journalctl'), 0o755);
  let entries = 0;
  return {
    ...{ zeek, at, files },
    start: () => at.startExtension(),
    /** Writes to the journal. */
    say(message: string) {
      entries += 1;
      const fields = { _COMM: 'sshd', PRIORITY: '6', MESSAGE: message };
      const entry = {
        __CURSOR: String(entries),
        __REALTIME_TIMESTAMP: String(1_795_496_058_000_000 + entries),
      };
      appendFileSync(journal, `${JSON.stringify({ ...entry, ...fields })}\n`);
    },
  };
}

const INTERVAL = { interval: 1 } as const;
const DIFFERENCES = { ...INTERVAL, initialRows: false } as const;

test('each table of Zeek Agent has its columns, in their order and of their types', async (t) => {
  const { zeek, files, start } = await hostWithFiles(t);
  start();
  await zeek.announced('h1');
  const tables: readonly [sql: string, types: readonly string[]][] = [
    [
      'SELECT name,pid,uid,gid,ppid,priority,startup FROM processes',
      ['string', 'count', 'count', 'count', 'count', 'string', 'none'],
    ],
    [
      'SELECT ruid, rgid, vsize, rsize, utime, stime FROM processes',
      ['count', 'count', 'count', 'count', 'timespan', 'timespan'],
    ],
    [
      'SELECT * FROM sockets',
      ['count', 'string', 'string', 'count', 'address', 'count', 'address', 'count', 'string'],
    ],
    [
      `SELECT * FROM files_list("${files}/*")`,
      ['string', 'string', 'count', 'count', 'string', 'timestamp', 'count'],
    ],
    [`SELECT * FROM files_lines("${files}/keys")`, ['string', 'count', 'string']],
    [
      `SELECT * FROM files_columns("${files}/sshd_config", "$1:text,$2:text")`,
      ['string', 'count', 'record(string,string)'],
    ],
    [
      'SELECT * FROM users',
      ['string', 'string', 'boolean', 'none', 'string', 'count', 'string', 'string', 'none'],
    ],
    [
      'SELECT * FROM zeek_agent',
      [
        ...['string', 'string', 'string', 'set(address)', 'string', 'string'],
        // The kernel's version the stand-in does not tell.
        ...['string', 'none', 'string', 'count', 'string', 'timespan', 'set(string)'],
      ],
    ],
  ];
  for (const [sql, types] of tables) {
    const query = zeek.execute(sql, { updateType: 'SNAPSHOT' });
    // A field may be unset in some rows, and is of its type in the others.
    const found = (place: number) =>
      new Set(zeek.rows(query).map(({ values }) => typeOf(values[place] ?? none)));
    await zeek.untilHolds(
      () => types.every((type, place) => found(place).has(type)),
      `a row of ${sql} with all of ${types.join(', ')}`,
    );
    for (const [place, type] of types.entries()) {
      const others = [...found(place)].filter(
        (one) => one !== type && one !== 'none' && !one.includes('none'),
      );
      assert.deepEqual(others, [], `${sql}: column ${place}`);
    }
    assert.ok(zeek.rows(query).every(({ values }) => values.length === types.length));
  }
});

test('files, their lines and their fields come as differences, also over a restart of the extension', async (t) => {
  const { zeek, at, files, start } = await hostWithFiles(t);
  const first = start();
  await zeek.announced('h1');
  const list = zeek.subscribe(`SELECT path FROM files_list("${files}/*")`, DIFFERENCES);
  const lines = zeek.subscribe(`SELECT content FROM files_lines("${files}/k*")`, DIFFERENCES);
  const whole = zeek.subscribe(`SELECT content FROM files_lines("${files}/k*") WHERE number = 1`, INTERVAL);
  // A query with a condition is put to osquery with its rows.
  assert.deepEqual(textsOf(await zeek.untilRows(1, whole)), ['ssh-ed25519 AAAA \\x0A me@host']);
  await until('the queries have run', async () => (await ranOwn(at.directory)) === 2);
  await at.untilScheduled(...Object.values(await at.schedule()));
  writeFileSync(join(files, 'keys'), 'second\nthird\n');
  const changed = await zeek.untilRows(3, lines);
  assert.deepEqual(changed.map(({ change }) => change).sort(), ['ADDED', 'REMOVED', 'REMOVED']);
  assert.deepEqual(textsOf(changed).sort(), ['', 'ssh-ed25519 AAAA \\x0A me@host', 'third']);
  writeFileSync(join(files, 'new'), '');
  assert.deepEqual(textsOf(await zeek.untilRows(1, list)), [join(files, 'new')]);
  first.child.kill('SIGKILL');
  await first.ended;
  writeFileSync(join(files, 'keys'), 'second\nfourth\n');
  start();
  // What was sent in the last second before a crash may come once more; then come the two that are new.
  const isThere = () => zeek.rows(lines).some(({ values }) => textOf(values[0]) === 'fourth');
  await zeek.untilHolds(isThere, 'the last line');
  assert.deepEqual(
    zeek
      .rows(lines)
      .slice(-2)
      .map(({ change, values }) => [change, textOf(values[0])]),
    [
      ['REMOVED', 'third'],
      ['ADDED', 'fourth'],
    ],
  );
});

test("the system's log comes as events, none twice and none left out over a restart", async (t) => {
  const { zeek, at, start, say } = await hostWithFiles(t);
  say('before anybody asked');
  const first = start();
  await zeek.announced('h1');
  const words = { ...INTERVAL, updateType: 'ADDED', initialRows: false } as const;
  const log = zeek.subscribe('SELECT * FROM system_logs_events', words);
  await until('the query has run', async () => (await ranOwn(at.directory)) === 1);
  say('one');
  say('two');
  const [row] = await zeek.untilRows(2, log);
  assert.deepEqual(row?.values.map(typeOf), ['timestamp', 'string', 'string', 'string', 'none']);
  first.child.kill('SIGTERM');
  await first.ended;
  say('three');
  start();
  await zeek.untilRows(3, log);
  say('four');
  assert.deepEqual(
    (await zeek.untilRows(4, log)).map(({ values }) => textOf(values[3])),
    ['one', 'two', 'three', 'four'],
  );
});

test('what the configuration denies is denied to what is made of it', async (t) => {
  const { zeek, start } = await hostWithFiles(t, {
    limits: { deny_tables: ['file', 'process_open_sockets', 'syslog_events'] },
  });
  start();
  await zeek.announced('h1');
  for (const [sql, table] of [
    ['SELECT * FROM files_list("/etc/*")', 'file'],
    ['SELECT * FROM files_lines("/etc/passwd")', 'file'],
    ['SELECT * FROM files_columns("/etc/passwd", "$1:text")', 'file'],
    ['SELECT pid FROM sockets', 'process_open_sockets'],
    ['SELECT message FROM system_logs_events', 'syslog_events'],
  ] as const) {
    zeek.subscribe(sql, INTERVAL);
    await zeek.until('notice', ({ text }) => text.includes(`table '${table}'`));
  }
  assert.deepEqual(zeek.rows(), []);
});

test('a query that can not be had, or can not run, says why to the Zeek that asked', async (t) => {
  const { zeek, files, start } = await hostWithFiles(t);
  start();
  await zeek.announced('h1');
  zeek.subscribe('SELECT foo FROM bar', INTERVAL);
  await zeek.until('notice', ({ text }) => text.includes('no such table: bar'));
  zeek.subscribe('SELECT * FROM files_list()', INTERVAL);
  await zeek.until('notice', ({ text }) => text.includes("mandatory table parameter 'pattern'"));
  writeFileSync(join(files, 'large'), 'x'.repeat(9 * 1024 * 1024));
  zeek.subscribe(`SELECT * FROM files_lines("${files}/large")`, INTERVAL);
  await zeek.until('notice', ({ text }) => text.includes('means files of more than 8388608 bytes together'));
  zeek.execute(`SELECT * FROM files_lines("${files}/large")`, { updateType: 'SNAPSHOT' });
  await zeek.until('notice', ({ text }) => /one-time query .* means files of more than/.test(text));
});

test('scripts of Zeek Agent 1 have the log of the agent, and else osquery as it is', async (t) => {
  const zeek = await startBro(t, { vocabulary: 'zeek-agent-1' });
  const at = await place(t, { endpoints: [zeek.address], uid: 'h1' });
  at.startExtension();
  await zeek.announced('h1');
  const log = zeek.subscribe('SELECT time, severity, message FROM zeek_logger', INTERVAL);
  await until('the query has run', async () => (await ranOwn(at.directory)) === 1);
  zeek.subscribe('SELECT ppid FROM processes', INTERVAL);
  const isIt = (row: ReceivedRow) => textOf(row.values[2]).includes('no such column: ppid');
  await zeek.untilHolds(() => zeek.rows(log).some(isIt), 'the line about the query that was refused');
  const row = zeek.rows(log).find(isIt);
  assert.deepEqual(row?.values.slice(0, 2).map(typeOf), ['integer', 'string']);
  assert.equal(textOf(row?.values[1]), 'Warning');
});

test('the other vocabularies see osquery as it is', async (t) => {
  const zeek = await startBro(t);
  const at = await place(t, { endpoints: [zeek.address], uid: 'h1' });
  at.startExtension();
  await zeek.announced('h1');
  const users = zeek.execute('SELECT uid, username FROM users WHERE uid = 0', { updateType: 'SNAPSHOT' });
  assert.deepEqual((await zeek.untilRows(1, users))[0]?.values.map(typeOf), ['integer', 'string']);
  zeek.subscribe('SELECT ppid FROM processes', INTERVAL);
  await zeek.until('notice', ({ text }) => text.includes('no such column: ppid'));
});

/** How many queries the extension runs itself, and has run. */
async function ranOwn(directory: string): Promise<number> {
  return (await readdir(join(directory, 'state/own-results')).catch(() => [])).length;
}

function textOf(value: Data | undefined): string {
  return value?.type === 'string' ? value.value : assert.fail(`${value?.type}`);
}

function textsOf(rows: readonly ReceivedRow[]): string[] {
  return rows.map(({ values }) => textOf(values[0]));
}
