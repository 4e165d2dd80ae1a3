import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { assertReadable, hiddenRows, rowsOf } from '../../src/cli/inspect/rows.ts';
import { LONGEST_VALUE, MOST_COLUMNS, MOST_ROWS, type RowAccess, rowsView } from '../../src/inspect/rows.ts';
import { directoryWithRows } from '../support/directory-with-rows.ts';
import { temporaryDirectory } from '../support/event-logs.ts';
import { noCharts, serveFile } from '../support/inspected.ts';

/** What a page hears that asks for rows. */
async function asked(address: string, name: string): Promise<string> {
  const socket = new WebSocket(`${address.replace('http', 'ws')}socket`);
  const heard: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('message', (data) => {
    heard.push(String(data));
    const types = heard.map((text) => JSON.parse(text).type);
    if (types.includes('rows') && types.includes('entries')) resolve();
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'hello', token: '' }));
  socket.send(JSON.stringify({ type: 'rows', ask: 1, name, until: null }));
  await promise;
  socket.terminate();
  return heard.join('\n');
}

test('no row is served without the flag, whatever a page asks', async (t) => {
  const { directory, name } = await directoryWithRows(t);
  const hidden = await asked(await serveFile(t, directory, { charts: noCharts }), name);
  assert.match(hidden, /"type":"rows","ask":1,"view":\{"outcome":"hidden","how":"Rows are hidden\./);
  assert.ok(!hidden.includes('evil'));
  const shown = await asked(
    await serveFile(t, directory, { rows: rowsOf(directory), charts: noCharts }),
    name,
  );
  assert.ok(shown.includes('evil'));
});

test('values, columns and rows are bounded, and control characters written out', async () => {
  const long = 'x'.repeat(LONGEST_VALUE + 1);
  const columns = Object.fromEntries(Array.from({ length: MOST_COLUMNS + 1 }, (_, n) => [`c${n}`, long]));
  const rows = Array.from({ length: MOST_ROWS + 1 }, (_, n) => ({
    ...{ sequence: n, receivedAt: n, change: 'ADDED' as const },
    columns: n === 0 ? { c0: '\u001b[31m\u202e', other: 'o' } : columns,
  }));
  const view = await rowsView({ shown: true, read: async () => ({ rows, isCut: true }) }, 'q', null);
  assert.ok(view.outcome === 'shown');
  assert.equal(view.rows.length, MOST_ROWS);
  assert.equal(view.columns.length, MOST_COLUMNS);
  assert.deepEqual(view.rows[0]?.cells.slice(0, 3), ['\\x1b[31m\\u{202e}', 'o', null]);
  assert.equal(view.rows[1]?.cells[0], `${'x'.repeat(LONGEST_VALUE)}… (${LONGEST_VALUE + 1} characters)`);
  assert.equal(view.isCut, true);
});

test('a journal that cannot be read is said to be so', async () => {
  const access: RowAccess = { shown: true, read: () => Promise.reject(new Error('EIO')) };
  assert.deepEqual(await rowsView(access, 'q', null), {
    outcome: 'unreadable',
    problem: "The journal can't be read: EIO",
  });
});

test('rows are asked of a state directory alone, and hidden ones say how they are seen', async (t) => {
  const directory = await temporaryDirectory(t);
  await assert.rejects(assertReadable(directory), /has no journal: name a state directory$/);
  await mkdir(join(directory, 'journal'));
  await assertReadable(directory);
  const how = async (path: string) => {
    const access = await hiddenRows(path);
    return access.shown ? '' : access.how;
  };
  assert.match(await how(directory), /^Rows are hidden\. .* --show-rows/);
  assert.match(await how(import.meta.filename), /^Traces and event logs contain no rows/);
});
