import assert from 'node:assert/strict';
import { rowsOf } from '../../../src/cli/inspect/rows.ts';
import { browserTest, untilText } from '../../support/browser.ts';
import { batchLine, logEntry } from '../../support/delivery-harness.ts';
import { directoryWithRows, EVIL } from '../../support/directory-with-rows.ts';
import { serveFile } from '../../support/inspected.ts';

browserTest('a row is text, whatever it holds, and new ones come by themselves', async (t, page, faults) => {
  const { directory, journal, name } = await directoryWithRows(t);
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
    const { directory } = await directoryWithRows(t);
    await page.goto(await serveFile(t, directory));
    await page.waitForSelector('.rows-block .note:has-text("bro-osquery inspect --show-rows")');
    await page.waitForSelector('.subscriptions [data-name]');
    assert.equal(await page.locator('.open-rows').count(), 0);
    assert.deepEqual(faults, []);
  },
);
