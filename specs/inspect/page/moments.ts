import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { replayCommand } from '../../../src/cli/replay.ts';
import { browserTest, untilText } from '../../support/browser.ts';
import { surroundings } from '../../support/cli-io.ts';
import { temporaryDirectory, writeLog } from '../../support/event-logs.ts';
import { serveFile } from '../../support/inspected.ts';
import { connect, query, start, subscribe } from '../../support/schedule-builders.ts';

const LAST_NIGHT = join(import.meta.dirname, '../../../fixtures/event-log/last-night');

/** What `replay --schedule` prints. */
async function printedSchedule(seq: number): Promise<string> {
  const { io, printed } = surroundings();
  await replayCommand(io).parseAsync([LAST_NIGHT, '--schedule', '--until', `${seq}`], { from: 'user' });
  return printed();
}

async function slideTo(page: Page, moment: number): Promise<void> {
  await page.focus('.track input');
  await page.keyboard.press('Home');
  for (let to = 0; to + 10 <= moment; to += 10) await page.keyboard.press('PageUp');
  for (let to = 0; to < moment % 10; to += 1) await page.keyboard.press('ArrowRight');
}

browserTest('the slider shows the schedule at three moments as replay prints it', async (t, page, faults) => {
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).origin));
  const address = await serveFile(t, LAST_NIGHT);
  await page.goto(address);
  await untilText(page, '.log .count', '31');
  for (const seq of [7, 14, 31]) {
    await slideTo(page, seq - 1);
    await untilText(page, '.schedule .config', (await printedSchedule(seq)).trimEnd());
  }
  await untilText(page, '.subscriptions tbody td:last-child', 'not in a log');
  assert.deepEqual([...new Set(asked)], [new URL(address).origin]);
  assert.deepEqual(faults, []);
});

browserTest(
  'keys step through time, compare two moments, and give a link that leads back',
  async (t, page, faults) => {
    const address = await serveFile(t, LAST_NIGHT);
    await page.goto(address);
    await untilText(page, '.log .count', '31');
    await page.keyboard.press('Home');
    for (let step = 0; step < 6; step += 1) await page.keyboard.press('ArrowRight');
    await page.keyboard.press('c');
    for (let step = 0; step < 15; step += 1) await page.keyboard.press('.');
    await page.waitForSelector('.difference li:has-text("+ bro_7a3e5c19_6")');
    await page.keyboard.press('y');
    await page.waitForURL(/#moment=/);
    const [link, what] = [page.url(), await page.locator('.what').textContent()];
    await page.goto('about:blank');
    await page.goto(link);
    await untilText(page, '.what', what ?? '');
    await page.waitForSelector('.difference li:has-text("+ bro_7a3e5c19_6")');
    await page.keyboard.press('l');
    await page.waitForSelector('.live[aria-pressed="true"]');
    assert.deepEqual(faults, []);
  },
);

browserTest(
  'what a Zeek sends stays text, and the page is of use on a narrow window',
  async (t, page, faults) => {
    const directory = await temporaryDirectory(t);
    const evil = `SELECT '<img src=x onerror=alert(1)><script>document.title = "evil"</script>' FROM users`;
    await writeLog(join(directory, 'event-log'), [
      start(0),
      connect(1, 'zeek:9999', 'a'),
      subscribe(2, 'zeek:9999', 'a', { query: query({ sql: evil }) }),
    ]);
    await page.setViewportSize({ width: 420, height: 700 });
    await page.goto(await serveFile(t, directory));
    await page.click('[data-panel="schedule"]');
    await untilText(page, '.subscriptions code', evil);
    assert.equal(await page.title(), 'bro-osquery inspect');
    assert.equal(await page.locator('main script, main img').count(), 0);
    assert.equal(await page.locator('.machines').isVisible(), false);
    const { width = 0 } = (await page.locator('.top').boundingBox()) ?? {};
    assert.ok(width <= 420, `the page is ${width} pixels wide`);
    assert.deepEqual(faults, []);
  },
);

browserTest(
  'Fit shows a chart as a whole, and ticks of the slider have the colours of the theme',
  async (t, page, faults) => {
    await page.setViewportSize({ width: 900, height: 600 });
    await page.goto(await serveFile(t, LAST_NIGHT));
    await untilText(page, '.log .count', '31');
    await page.click('[data-actor="extension"]');
    await page.click('.machines button:has-text("Fit")');
    const overflow = await page
      .locator('.chart-canvas')
      .evaluate((canvas) => [
        canvas.scrollWidth - canvas.clientWidth,
        canvas.scrollHeight - canvas.clientHeight,
      ]);
    assert.deepEqual(overflow, [0, 0]);
    // As text: specs are not compiled with a browser's types.
    const colours = await page.evaluate<string[]>(`(() => {
    const canvas = document.querySelector('.density');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const found = new Set();
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] === 255) found.add(data[at] + ' ' + data[at + 1] + ' ' + data[at + 2]);
    }
    return [...found];
  })()`);
    // Of the light theme: --fact #8250df.
    assert.ok(colours.includes('130 80 223'), colours.join('; '));
    assert.ok(!colours.includes('0 0 0'));
    assert.deepEqual(faults, []);
  },
);

browserTest('a page without the token is told to open the link that has it', async (t, page) => {
  const address = await serveFile(t, LAST_NIGHT, { token: 'a-token-that-is-long-enough' });
  await page.goto(address);
  await page.waitForSelector('.problem:has-text("A token is required")');
  assert.equal(await page.locator('.log .count').textContent(), '');
  await page.goto('about:blank');
  await page.goto(`${address}#token=a-token-that-is-long-enough`);
  await untilText(page, '.log .count', '31');
  assert.equal(new URL(page.url()).hash, '');
});
