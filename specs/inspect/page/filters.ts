import assert from 'node:assert/strict';
import { join } from 'node:path';
import { browserTest, untilText } from '../../support/browser.ts';
import { serveFile } from '../../support/inspected.ts';

const LAST_NIGHT = join(import.meta.dirname, '../../../fixtures/event-log/last-night');

browserTest(
  'lists are filtered by severity, Zeek, type and query, what stands out has a sign, and a link keeps the filter',
  async (t, page, faults) => {
    await page.goto(await serveFile(t, LAST_NIGHT));
    await untilText(page, '.log .count', '31');
    await page.selectOption('select[aria-label="Severity"]', 'trouble');
    const signs = () =>
      page
        .locator('.log .sign')
        .evaluateAll((all) => all.map((sign) => `${sign.textContent} ${sign.ariaLabel}`));
    await untilText(page, '.log .count', '4 of 31');
    assert.deepEqual(await signs(), ['⊘ refused', '■ stopped', '○ gone', '▼ dropped']);
    await page.selectOption('select[aria-label="Severity"]', 'error');
    await untilText(page, '.log .count', '2 of 31');
    await page.selectOption('select[aria-label="Zeek"]', 'lab.example:9997');
    await page.fill('.filters input', 'rowsdropped');
    await untilText(page, '.log .count', '1 of 31');
    await page.keyboard.press('Escape');
    await page.keyboard.press('y');
    await page.waitForURL(/severity=error&zeek=lab\.example%3A9997&type=rowsdropped/);
    const link = page.url();
    await page.goto('about:blank');
    await page.goto(link);
    await untilText(page, '.log .count', '1 of 31');
    await page.click('button:text-is("Show all")');
    await untilText(page, '.log .count', '31');
    // By the name of a query.
    await page.fill('.filters input', 'bro_7a3e5c19_4');
    await page.waitForSelector('.log .fact:has-text("denylisted bro_7a3e5c19_4")');
    await page.fill('.filters input', 'nothing is called this');
    await page.waitForSelector('.log .note:has-text("No record matches the filter.")');
    assert.equal(await page.locator('.log .row').count(), 0);
    await page.waitForSelector('.marks:has-text("■ denylisted by osquery")');
    await page.waitForSelector('[data-peer="lab.example:9997"] [data-head="Dropped"]:has-text("▼ 12")');
    assert.deepEqual(faults, []);
  },
);
