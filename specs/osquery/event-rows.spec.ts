import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { cellText } from '../../src/osquery/cell-text.ts';
import { createEventRowMatcher } from '../../src/osquery/event-row-store.ts';
import { type EventTable, readEventTables, tablesOfRow } from '../../src/osquery/event-tables.ts';
import Extension from '../../src/osquery/generated/Extension.js';
import { isMalformed } from '../../src/osquery/log-item.ts';
import { LogReader } from '../../src/osquery/log-reader.ts';
import { type LoggerCall, readLoggerCall } from '../../src/osquery/logger-call.ts';
import { OsqueryError } from '../../src/osquery/osquery-error.ts';
import type { Row } from '../../src/osquery/row.ts';
import { SentEvents } from '../../src/osquery/sent-events.ts';
import { MessageSink, readingProtocol, WritingProtocol } from '../../src/osquery/thrift-message.ts';
import { readRecording } from '../support/osquery-recording.ts';

type Type = EventTable['columns'][number]['type'];

function table(name: string, types: Readonly<Record<string, Type>>): EventTable {
  return {
    name,
    columns: Object.entries(types).map(([column, type]) => ({
      name: column,
      type,
      hidden: column === 'eid',
    })),
  };
}

const FILE_EVENTS = table('file_events', {
  target_path: 'TEXT',
  category: 'TEXT',
  action: 'TEXT',
  transaction_id: 'BIGINT',
  inode: 'BIGINT',
  uid: 'BIGINT',
  gid: 'BIGINT',
  mode: 'TEXT',
  size: 'BIGINT',
  atime: 'BIGINT',
  mtime: 'BIGINT',
  ctime: 'BIGINT',
  md5: 'TEXT',
  sha1: 'TEXT',
  sha256: 'TEXT',
  hashed: 'INTEGER',
  time: 'BIGINT',
  eid: 'TEXT',
});
const USER_EVENTS = table('user_events', { uid: 'BIGINT', message: 'TEXT', time: 'BIGINT', eid: 'TEXT' });

/** The calls of the logger in a recording. */
function loggerCalls(name: string): LoggerCall[] {
  const calls: LoggerCall[] = [];
  const handler = {
    call: async (registry: string, _item: string, request: Row) => {
      if (registry === 'logger') calls.push(readLoggerCall(new Map(Object.entries(request))));
      return {};
    },
  };
  for (const { sock, method, request } of readRecording(name)) {
    if (sock !== 'extension' || method !== 'call') continue;
    const sink = new MessageSink(() => undefined);
    new Extension.Processor(handler).process(readingProtocol(request, 'bytes'), new WritingProtocol(sink));
  }
  return calls;
}

function matcher(t: TestContext, ...tables: readonly EventTable[]) {
  const created = createEventRowMatcher(tables);
  t.after(() => created.close());
  return created;
}

/** The row of an `event` call, as the courier reads it. */
function eventRow(payload: string): Row {
  const reader = new LogReader(Buffer.from(payload, 'latin1'), 'rows');
  reader.advance();
  const [item] = reader.items;
  const row = item && !isMalformed(item) ? item.row(0) : undefined;
  if (!row || isMalformed(row)) assert.fail('an event without a row');
  return row.columns;
}

const SCHEDULED_SQL = 'SELECT target_path, action, category, md5, size, eid, time FROM file_events';

test('what the recorded events give at once is what the schedule of the recording brought later', (t) => {
  const events = matcher(t, FILE_EVENTS, USER_EVENTS);
  assert.deepEqual(events.subscribe('fe', SCHEDULED_SQL), { immediate: true, table: 'file_events' });
  const calls = loggerCalls('s08_logevent');
  const sent = new SentEvents({ perSubscription: 100 });
  const atOnce = calls.flatMap((call) =>
    call.type === 'event' ? events.match(eventRow(call.payload)).flatMap(({ rows }) => rows) : [],
  );
  const scheduled = calls.flatMap((call): Row[] => {
    if (call.type !== 'result') return [];
    const line = JSON.parse(call.payload);
    return line.name === 'fe' ? [line.columns] : [];
  });
  assert.ok(atOnce.length >= scheduled.length && scheduled.length > 5);
  for (const row of atOnce) sent.sent('fe', row, 10);
  assert.deepEqual(atOnce.slice(0, scheduled.length), scheduled);
  for (const row of scheduled) assert.equal(sent.take('fe', row, 5), true);
  assert.equal(sent.take('fe', scheduled[0] ?? {}, 5), false);
});

test("each subscription's own SQL decides, over types as the table declares them", (t) => {
  const events = matcher(t, FILE_EVENTS, USER_EVENTS);
  const subscribe = (id: string, sql: string) => assert.equal(events.subscribe(id, sql).immediate, true, sql);
  subscribe('big', 'SELECT size, size + 1 AS more, size / 2.0 AS half FROM file_events WHERE size > 9');
  subscribe('moved', 'SELECT action FROM file_events WHERE action LIKE "moved%"');
  subscribe('empty', 'SELECT md5, inode, md5 IS NULL AS missing FROM file_events WHERE size IS NOT NULL');
  subscribe('twice', 'SELECT uid, uid + 1 AS uid FROM file_events');
  subscribe('users', 'SELECT message FROM user_events');
  assert.deepEqual(events.match({ action: 'UPDATED', size: '10', uid: '0', target_path: '/a' }), [
    { subscription: 'big', rows: [{ size: '10', more: '11', half: '5.0' }] },
    { subscription: 'empty', rows: [{ md5: '', inode: '', missing: '1' }] },
    { subscription: 'twice', rows: [{ uid: '1' }] },
  ]);
  assert.deepEqual(
    events.match({ action: 'MOVED_TO', size: '9', hashed: '0' }).map(({ subscription }) => subscription),
    ['moved', 'empty', 'twice'],
  );
  assert.deepEqual(events.match({ message: 'hello' }), [
    { subscription: 'users', rows: [{ message: 'hello' }] },
  ]);
  events.unsubscribe('twice');
  events.subscribe('big', 'SELECT 1 AS one FROM file_events');
  assert.deepEqual(events.match({ action: 'x', size: 'none' }), [
    { subscription: 'big', rows: [{ one: '1' }] },
  ]);
});

test('what can not be answered for a single row waits for the schedule, with the reason', (t) => {
  const events = matcher(t, FILE_EVENTS);
  const reasons: readonly [string, string][] = [
    ['SELECT * FROM file_events JOIN users USING (uid)', 'it has JOIN'],
    ['SELECT count(*) FROM file_events', 'it is an aggregate'],
    ['SELECT max(size), action FROM file_events', 'it is an aggregate'],
    ['SELECT * FROM users', 'users is not an event table of this osquery'],
    ["SELECT regex_match(target_path, 'x', 0) FROM file_events", 'no such function: regex_match'],
    ['SELECT nosuch FROM file_events', 'no such column: nosuch'],
    ['SELECT FROM file_events', 'near "FROM": syntax error'],
  ];
  for (const [sql, reason] of reasons) {
    assert.deepEqual(events.subscribe('s', sql), { immediate: false, reason }, sql);
  }
  assert.deepEqual(events.match({ action: 'CREATED' }), []);
});

test('a table that SQLite can not have as osquery declares it costs no other table anything', (t) => {
  const twice = table('twice_events', { name: 'TEXT', NAME: 'TEXT' });
  const matcher = createEventRowMatcher([twice, table('none_events', {}), FILE_EVENTS]);
  t.after(() => matcher.close());
  for (const name of ['twice_events', 'none_events']) {
    assert.deepEqual(matcher.subscribe(name, `SELECT * FROM ${name}`), {
      immediate: false,
      reason: `${name} is not an event table of this osquery`,
    });
  }
  assert.deepEqual(matcher.subscribe('files', 'SELECT action FROM file_events'), {
    immediate: true,
    table: 'file_events',
  });
});

test('a row that is too long for SQLite as a whole is left to the schedule', (t) => {
  const events = matcher(t, FILE_EVENTS);
  events.subscribe('fe', 'SELECT action FROM file_events');
  const half = 'x'.repeat(10 * 1024 * 1024);
  assert.deepEqual(events.match({ target_path: half, category: half, action: 'CREATED' }), []);
  assert.equal(events.match({ target_path: '/a', category: 'c', action: 'CREATED' }).length, 1);
});

test('a row that can be of two tables, or of none, is left to the schedule', (t) => {
  const events = matcher(t, FILE_EVENTS, USER_EVENTS);
  events.subscribe('files', 'SELECT uid FROM file_events');
  events.subscribe('users', 'SELECT uid FROM user_events');
  assert.deepEqual(
    tablesOfRow({ uid: '1', TIME: '2' }, [FILE_EVENTS, USER_EVENTS]).map(({ name }) => name),
    ['file_events', 'user_events'],
  );
  assert.deepEqual(events.match({ uid: '1', time: '2' }), []);
  assert.deepEqual(events.match({ uid: '1', nosuch: '2' }), []);
  assert.equal(events.match({ uid: '1', size: '2' }).length, 1);
});

test('any text comes back from the row as it was', (t) => {
  const events = matcher(t, FILE_EVENTS);
  events.subscribe('s', 'SELECT target_path FROM file_events');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('a\udcffb', '\udc80\udcff', 'nul\0in it'),
  );
  fc.assert(
    fc.property(text, (target_path) => {
      assert.deepEqual(events.match({ target_path, hashed: '1' }), [
        { subscription: 's', rows: [{ target_path }] },
      ]);
    }),
  );
  assert.deepEqual(events.match({ target_path: '\u{10fc90}', hashed: '1' }), []);
});

test('integers of 64 bits stay exact', (t) => {
  const events = matcher(t, FILE_EVENTS);
  events.subscribe('s', 'SELECT inode FROM file_events');
  for (const inode of ['9223372036854775807', '-9223372036854775808', '9007199254740993', '0']) {
    assert.deepEqual(events.match({ inode })[0]?.rows, [{ inode }]);
  }
});

test('an expression that fails for a row harms no other subscription', (t) => {
  const events = matcher(t, FILE_EVENTS);
  events.subscribe('bad', 'SELECT abs(inode) FROM file_events');
  events.subscribe('good', 'SELECT inode FROM file_events');
  const inode = '-9223372036854775808';
  assert.deepEqual(events.match({ inode }), [{ subscription: 'good', rows: [{ inode }] }]);
});

test("osquery's event tables are asked of osquery, with their hidden columns", async () => {
  const tables = await readEventTables({
    query: async () => [{ name: 'File_Events' }, { name: 'gone' }],
    call: async (_registry, item) => ({
      status: { code: item === 'gone' ? 1 : 0, message: '' },
      response: [{ id: 'column', name: 'eid', type: 'TEXT', op: '16' }],
    }),
    getQueryColumns: async () => {
      throw new OsqueryError('refused', 'no such table: gone', 1);
    },
  });
  assert.deepEqual(tables, [{ name: 'file_events', columns: [{ name: 'eid', type: 'TEXT', hidden: true }] }]);
});

test('a value is written as osquery writes it', () => {
  const cases: readonly [Parameters<typeof cellText>[0], string][] = [
    [null, ''],
    ['x', 'x'],
    [-9223372036854775808n, '-9223372036854775808'],
    [2.5, '2.5'],
    [1, '1.0'],
    [0, '0.0'],
    [0.1 + 0.2, '0.3'],
    [1e20, '1e+20.0'],
    [1.5e-7, '1.5e-07'],
    [0.0001, '0.0001'],
    [123456789012345680, '1.23456789012346e+17'],
    [Number.POSITIVE_INFINITY, 'inf.0'],
    [Uint8Array.of(0x61, 0xff, 0, 0x62), 'a\udcff'],
    [Uint8Array.of(0x61), 'a'],
  ];
  for (const [value, text] of cases) assert.equal(cellText(value), text);
});

test('a row that was sent at once is hidden as often as it was sent, and not for ever', () => {
  const sent = new SentEvents({ perSubscription: 3 });
  const row = { action: 'CREATED', size: '1' };
  sent.sent('a', row, 10);
  sent.sent('a', row, 20);
  assert.equal(sent.take('b', row, 1), false);
  assert.equal(sent.take('a', { size: '1', action: 'CREATED' }, 1), true);
  assert.equal(sent.take('a', row, 15), true);
  assert.equal(sent.take('a', row, 15), false);
  sent.sent('a', row, 10);
  assert.equal(sent.take('a', row, 11), false, 'too late');
  assert.equal(sent.count('a'), 0);
  sent.sent('a', row, 10);
  sent.forget('a');
  assert.equal(sent.take('a', row, 1), false);
});

test('the memory of a subscription is bounded, the oldest rows go first', () => {
  const sent = new SentEvents({ perSubscription: 3 });
  const rows = [1, 2, 3, 4, 5].map((eid) => ({ eid: String(eid) }));
  for (const row of rows) sent.sent('a', row, 10);
  assert.equal(sent.count('a'), 3);
  assert.deepEqual(
    rows.map((row) => sent.take('a', row, 1)),
    [false, false, true, true, true],
  );
});

test('a row is recognised though the schedule brings its text escaped and its numbers short', () => {
  const sent = new SentEvents({ perSubscription: 10 });
  sent.sent('a', { path: '/é\n', half: '5.0', raw: '\udcff' }, 10);
  assert.equal(sent.take('a', { path: '/\\xC3\\xA9\\x0A', half: '5', raw: '\\xFF' }, 1), true);
});
