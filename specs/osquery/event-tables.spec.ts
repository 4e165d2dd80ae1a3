import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BRO_TABLES } from '../../src/osquery/bro-tables.ts';
import { isEventTable } from '../../src/osquery/event-tables.ts';

test("osquery's event tables are recognized by their names, in any case", () => {
  for (const name of ['file_events', 'process_events', 'socket_events', 'File_Events']) {
    assert.equal(isEventTable(name), true, name);
  }
});

test('tables that are only called so are none: their first rows are what there is, not what has happened', () => {
  for (const name of ['osquery_events', 'users', 'events', ...BRO_TABLES.map((table) => table.name)]) {
    assert.equal(isEventTable(name), false, name);
  }
});
