import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventQueryForm } from '../../src/osquery/event-query.ts';

const IMMEDIATE: readonly string[] = [
  'SELECT * FROM file_events',
  'select action, Time from FILE_EVENTS where action in (1, 2) order by time desc;',
  "SELECT upper(target_path) AS p FROM file_events AS e WHERE e.size > 1 AND p LIKE '%join%;' -- limit",
  'SELECT /* from users, */ eid FROM temp."file_events" f WHERE "limit" = [group] OR `union` = 1 ;;',
  "SELECT 'it''s from users' FROM main.file_events ORDER BY 1",
];

test('a statement that filters and computes on one table can be answered for each row alone', () => {
  for (const sql of IMMEDIATE) assert.deepEqual(eventQueryForm(sql), { table: 'file_events' }, sql);
});

const WAITING: readonly [string, string][] = [
  ['', 'it is not a SELECT'],
  ['DELETE FROM file_events', 'it is not a SELECT'],
  ['WITH a AS (SELECT 1) SELECT * FROM file_events', 'it is not a SELECT'],
  ['SELECT 1', 'it reads no table'],
  ['SELECT * FROM file_events e JOIN users u ON u.uid = e.uid', 'it has JOIN'],
  ['SELECT * FROM file_events NATURAL JOIN users', 'it has NATURAL'],
  ['SELECT * FROM file_events, file_events f', 'it reads more than one table'],
  ['SELECT * FROM file_events e, users', 'it reads more than one table'],
  ['SELECT DISTINCT action FROM file_events', 'it has DISTINCT'],
  ['SELECT action FROM file_events GROUP BY action', 'it has GROUP'],
  ['SELECT * FROM file_events LIMIT 3', 'it has LIMIT'],
  ['SELECT * FROM file_events UNION SELECT * FROM file_events', 'it has UNION'],
  ['SELECT row_number() OVER () FROM file_events', 'it has OVER'],
  ['SELECT * FROM file_events WHERE uid IN (SELECT uid FROM users)', 'it has a subquery'],
  ['SELECT * FROM (SELECT * FROM file_events)', 'it has a subquery'],
  ["SELECT * FROM json_each('[]')", 'it reads more than one table'],
  ['SELECT * FROM (file_events)', 'it does not read a plain table'],
  ['SELECT 1 FROM file_events; DROP TABLE x', 'it is more than one statement'],
  ['SELECT * FROM file_events NOT INDEXED', 'it reads more than one table'],
];

for (const [sql, reason] of WAITING) {
  test(`waits for the schedule, because ${reason}: ${sql}`, () => {
    assert.deepEqual(eventQueryForm(sql), { reason });
  });
}
