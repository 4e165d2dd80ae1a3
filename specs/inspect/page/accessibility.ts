import assert from 'node:assert/strict';
import { join } from 'node:path';
import { rowsOf } from '../../../src/cli/inspect/rows.ts';
import { violations } from '../../support/axe.ts';
import { browserTest, untilText } from '../../support/browser.ts';
import { busyTrace } from '../../support/busy-trace.ts';
import { directoryWithRows } from '../../support/directory-with-rows.ts';
import { serveFile } from '../../support/inspected.ts';

const LAST_NIGHT = join(import.meta.dirname, '../../../fixtures/event-log/last-night');
const PANELS = ['machines', 'bus', 'schedule', 'log', 'details'];

browserTest('axe finds nothing on any view, in light and in dark', async (t, page, faults) => {
  await page.goto(await serveFile(t, await busyTrace(t)));
  await page.waitForSelector('.message');
  await page.waitForSelector('.plot');
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await violations(page), [], colorScheme);
  }
  await page.keyboard.press('Home');
  await page.keyboard.press('c');
  await page.keyboard.press('End');
  await page.waitForSelector('.difference li');
  await page.keyboard.press('?');
  await page.waitForSelector('dialog[open]');
  assert.deepEqual(await violations(page), [], 'comparison and keys');
  await page.keyboard.press('Escape');
  await page.setViewportSize({ width: 400, height: 800 });
  for (const panel of PANELS) {
    await page.click(`.panel-tabs [data-panel="${panel}"]`);
    await page.waitForSelector(`#${panel}[role="tabpanel"]:visible`);
    assert.deepEqual(await violations(page), [], `narrow: ${panel}`);
  }
  assert.deepEqual(faults, []);
});

browserTest('axe finds nothing on an event log and on rows', async (t, page, faults) => {
  await page.goto(await serveFile(t, LAST_NIGHT));
  await untilText(page, '.log .count', '31');
  assert.deepEqual(await violations(page), []);
  const { directory } = await directoryWithRows(t);
  await page.goto(await serveFile(t, directory, { rows: rowsOf(directory) }));
  await page.click('.open-rows');
  await page.waitForSelector('.latest-rows td');
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(faults, []);
});

browserTest(
  'at 400 pixels tables are cards, at 320 and at 200 % zoom nothing is cut off at the side, and lists name what is selected',
  async (t, page, faults) => {
    await page.setViewportSize({ width: 400, height: 800 });
    await page.goto(await serveFile(t, LAST_NIGHT));
    await page.click('.panel-tabs [data-panel="schedule"]');
    const head = page.locator('.subscriptions td[data-head="Zeek"]').first();
    await head.waitFor();
    const style = (property: string, part = '') =>
      head.evaluate<string, readonly string[]>(
        // As text: specs are not compiled with a browser's types.
        new Function('cell', '[property, part]', 'return getComputedStyle(cell, part)[property]') as never,
        [property, part],
      );
    assert.deepEqual(
      [await style('display'), await style('content', '::before')],
      ['grid', 'attr(data-head)'].map((text, index) => (index === 0 ? text : '"Zeek"')),
    );
    const overflow = async () => {
      const wide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
      const inside = await page.evaluate<number>(
        "(() => { const shown = document.querySelector('.schedule .scroll'); return shown.scrollWidth - shown.clientWidth; })()",
      );
      return [wide, inside];
    };
    assert.deepEqual(await overflow(), [0, 0]);
    await page.setViewportSize({ width: 320, height: 640 });
    assert.deepEqual(await overflow(), [0, 0]);
    // A window of 1280 by 800 at 200 %.
    await page.setViewportSize({ width: 640, height: 400 });
    assert.deepEqual(await overflow(), [0, 0]);
    await page.click('.panel-tabs [data-panel="log"]');
    const { height = 0 } = (await page.locator('.log .list').boundingBox()) ?? {};
    assert.ok(height > 150, `the list has ${height} pixels`);
    await page.focus('.log .list');
    await page.keyboard.press('ArrowUp');
    await page.waitForSelector('#records[aria-activedescendant="records-29"]');
    await page.waitForSelector('#records-29[aria-selected="true"][aria-posinset="30"][aria-setsize="31"]');
    assert.deepEqual(faults, []);
  },
);
