import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { assertReadable, hiddenRows, rowsOf } from '../../src/cli/inspect/rows.ts';
import { JournalStore } from '../../src/delivery/journal-store.ts';
import { LONGEST_VALUE, MOST_COLUMNS, MOST_ROWS, type RowAccess, rowsView } from '../../src/inspect/rows.ts';
import { browserTest, untilText } from '../support/browser.ts';
import { batchLine, logEntry } from '../support/delivery-harness.ts';
import { temporaryDirectory, writeLog } from '../support/event-logs.ts';
import { serveFile } from '../support/inspected.ts';
import { bro, connect, query, start, subscribe } from '../support/schedule-builders.ts';

const EVIL = '<script>document.title = "evil"</script><img src=x onerror=alert(1)>';

/** A state directory with a subscription and, in its journal, a row of it that would do harm as markup. */
async function stateDirectory(
  t: TestContext,
): Promise<{ directory: string; journal: JournalStore; name: string }> {
  const directory = await temporaryDirectory(t);
  await writeLog(join(directory, 'event-log'), [
    start(0),
    connect(1, 'zeek:9999', 'a'),
    subscribe(2, 'zeek:9999', 'a', { query: query({ sql: 'SELECT n FROM t' }) }),
  ]);
  const journal = await JournalStore.open({
    directory: join(directory, 'journal'),
    now: () => 1_795_514_240_000,
  });
  t.after(() => journal.close());
  const name = bro(1);
  await journal.append(logEntry(batchLine(name, { added: [EVIL] })));
  return { directory, journal, name };
}

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
  const { directory, name } = await stateDirectory(t);
  const hidden = await asked(await serveFile(t, directory), name);
  assert.match(hidden, /"type":"rows","ask":1,"view":\{"outcome":"hidden","how":"Rows are hidden\./);
  assert.ok(!hidden.includes('evil'));
  const shown = await asked(await serveFile(t, directory, { rows: rowsOf(directory) }), name);
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

browserTest('a row is text, whatever it holds, and new ones come by themselves', async (t, page, faults) => {
  const { directory, journal, name } = await stateDirectory(t);
  await page.goto(await serveFile(t, directory, { rows: rowsOf(directory) }));
  await page.click('.open-rows');
  await untilText(page, '.latest-rows tbody td:last-child', EVIL);
  assert.equal(await page.title(), 'bro-osquery inspect');
  assert.equal(await page.locator('main script, main img').count(), 0);
  await journal.append(logEntry(batchLine(name, { removed: ['2'] })));
  await untilText(page, '.latest-rows tbody td:last-child', '2');
  // Of a moment before there were any.
  await page.keyboard.press('Home');
  await page.waitForSelector('.latest-rows', { state: 'detached' });
  assert.deepEqual(faults, []);
});

browserTest(
  'without the flag the page says that rows are hidden, and how they are seen',
  async (t, page, faults) => {
    const { directory } = await stateDirectory(t);
    await page.goto(await serveFile(t, directory));
    await page.waitForSelector('.rows-block .note:has-text("bro-osquery inspect --show-rows")');
    await page.waitForSelector('.subscriptions [data-name]');
    assert.equal(await page.locator('.open-rows').count(), 0);
    assert.deepEqual(faults, []);
  },
);
