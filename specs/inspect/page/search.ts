import assert from 'node:assert/strict';
import { join } from 'node:path';
import { browserTest, untilText } from '../../support/browser.ts';
import { serveFile } from '../../support/inspected.ts';

const LAST_NIGHT = join(import.meta.dirname, '../../../fixtures/event-log/last-night');

browserTest(
  'a search counts what it finds, leads from hit to hit, and stays in the link',
  async (t, page, faults) => {
    await page.goto(await serveFile(t, LAST_NIGHT));
    await untilText(page, '.log .count', '31');
    await page.keyboard.press('Home');
    await page.keyboard.press('/');
    await page.keyboard.type('PROCESS_open_sockets');
    await page.waitForSelector('.hits:has-text("found")');
    const found = Number.parseInt((await page.locator('.hits').textContent()) ?? '', 10);
    assert.ok(found >= 2 && found < 31, `${found}`);
    await page.keyboard.press('Enter');
    await untilText(page, '.hits', `1 of ${found} found`);
    await page.waitForSelector('.log .current:has-text("process_open_sockets")');
    await page.keyboard.press('Escape');
    await page.keyboard.press('n');
    await untilText(page, '.hits', `2 of ${found} found`);
    await page.keyboard.press('N');
    await page.keyboard.press('N');
    await untilText(page, '.hits', `${found} of ${found} found`);
    await page.keyboard.press('y');
    await page.waitForURL(/find=PROCESS_open_sockets/);
    const link = page.url();
    await page.goto('about:blank');
    await page.goto(link);
    await untilText(page, '.hits', `${found} of ${found} found`);
    await page.fill('.search-box input', 'nothing has this text');
    await untilText(page, '.hits', '0 found');
    assert.deepEqual(faults, []);
  },
);
