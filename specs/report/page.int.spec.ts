import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { reportCommand } from '../../src/cli/report.ts';
import { browserTest, untilText } from '../support/browser.ts';
import { surroundings } from '../support/cli-io.ts';
import { writeLogs } from '../support/report-logs.ts';

browserTest(
  'a report is read, sorted, searched and printed, in light and in dark',
  async (t, page, faults) => {
    const folder = mkdtempSync(join(tmpdir(), 'report-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    writeLogs(folder, 'tsv');
    const out = join(folder, 'report.html');
    const { io } = surroundings();
    await reportCommand(io).parseAsync([folder, '--out', out], { from: 'user' });
    const url = pathToFileURL(out).href;
    await page.goto(url);

    await page.waitForSelector('[data-chart="connections"] canvas');
    assert.equal(await page.locator('canvas').count(), 2);
    assert.equal(await page.title(), 'Hosts on the network');
    assert.equal(await page.locator('#hops .node').count(), 7);

    const begun = page.locator('#host-table thead button', { hasText: 'Connections begun' });
    const first = '#host-table tbody tr:first-child td:first-child';
    await begun.click();
    await begun.click();
    await untilText(page, first, 'build-7');
    assert.equal(await page.locator('#host-table th[aria-sort]').getAttribute('aria-sort'), 'descending');

    await page.locator('#search').fill('postgres WEB-1');
    await untilText(page, '#talks .found', '1 of 4 rows');
    assert.equal(await page.locator('#talk-table tbody tr:visible').count(), 1);
    await page.locator('#search').fill('');
    await untilText(page, '#talks .found', '');

    await page.locator('#theme').click();
    await page.locator('#theme').click();
    await untilText(page, '#theme', 'Theme: dark');
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.locator('nav').isVisible(), false);
    assert.deepEqual(faults, []);

    for (const colorScheme of ['light', 'dark'] as const) {
      const found = await accessibilityFaults(page, url, colorScheme);
      assert.deepEqual(found, [], colorScheme);
    }
  },
);

/** axe is put into the page, which the page's own policy forbids. */
async function accessibilityFaults(
  page: Page,
  url: string,
  colorScheme: 'light' | 'dark',
): Promise<string[]> {
  const other = await page.context().browser()?.newPage({ bypassCSP: true, colorScheme });
  assert.ok(other);
  try {
    await other.goto(url);
    await other.evaluate(axe.source);
    const found: unknown = await other.evaluate(
      'axe.run().then((results) => results.violations.map(({ id, nodes }) => id + ": " + nodes[0]?.html))',
    );
    assert.ok(Array.isArray(found));
    return found.map(String);
  } finally {
    await other.context().close();
  }
}
