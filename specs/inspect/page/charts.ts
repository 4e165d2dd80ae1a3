import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { browserTest, untilText } from '../../support/browser.ts';
import { busyTrace } from '../../support/busy-trace.ts';
import { serveFile } from '../../support/inspected.ts';

const LAST_NIGHT = join(import.meta.dirname, '../../../fixtures/event-log/last-night');

/** Where a state is on the screen, its middle. */
async function middleOf(page: Page, state: string): Promise<{ readonly x: number; readonly y: number }> {
  const box = await page.locator(`[data-state="${state}"] > rect`).first().boundingBox();
  assert.ok(box);
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

browserTest(
  'a chart is dragged, grows at the pointer, and is saved as it is lit',
  async (t, page, faults) => {
    await page.goto(await serveFile(t, await busyTrace(t)));
    const backingOff = 'bro-peer.link.backingOff';
    await page.waitForSelector(`[data-state="${backingOff}"].active.trouble`);
    const before = await middleOf(page, backingOff);
    await page.mouse.move(before.x, before.y);
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -200);
    await page.keyboard.up('Control');
    const grown = await middleOf(page, backingOff);
    const width = await page.locator('.chart').getAttribute('width');
    assert.ok(Math.hypot(grown.x - before.x, grown.y - before.y) < 4, JSON.stringify([before, grown]));
    await page.mouse.down();
    await page.mouse.move(before.x - 60, before.y - 40, { steps: 3 });
    await page.mouse.up();
    const dragged = await middleOf(page, backingOff);
    assert.ok(
      Math.hypot(grown.x - dragged.x - 60, grown.y - dragged.y - 40) < 4,
      JSON.stringify([grown, dragged]),
    );
    await page.focus('.chart-canvas');
    await page.keyboard.press('-');
    assert.ok(Number(await page.locator('.chart').getAttribute('width')) < Number(width));
    const saving = page.waitForEvent('download');
    await page.click('button:text-is("Save SVG")');
    const download = await saving;
    assert.equal(download.suggestedFilename(), 'bro-peer.svg');
    const file = await readFile((await download.path()) ?? '', 'utf8');
    assert.match(file, new RegExp(`<g class="state atomic active trouble" data-state="${backingOff}">`));
    assert.match(file, /<g class="edge taken">/);
    assert.deepEqual(faults, []);
  },
);

browserTest(
  'of an event log the chart of a Zeek is lit as far as the log says where it stood',
  async (t, page, faults) => {
    await page.goto(await serveFile(t, LAST_NIGHT));
    await untilText(page, '.log .count', '31');
    await page.waitForSelector('[data-actor="peer:manager.example:9999"][aria-selected="true"]');
    await page.waitForSelector('[data-state="bro-peer.link.linked.peered.sync.settled"].active');
    await untilText(page, '.state-line .dim', '  as the log says: ResyncCompleted  03:12:33.000');
    await page.locator('.log .fact:has-text("manager.example:9999 disconnected")').click();
    await page.waitForSelector('[data-state="bro-peer.presence.absent"].active');
    assert.equal(await page.locator('[data-state="bro-peer.link.linked"].active').count(), 0);
    await page.keyboard.press('Home');
    await page.waitForSelector('.state-line:has-text("An event log has no steps of machines")');
    assert.deepEqual(faults, []);
  },
);
