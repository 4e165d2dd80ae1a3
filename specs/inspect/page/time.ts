import assert from 'node:assert/strict';
import { join } from 'node:path';
import { browserTest, untilSeen, untilText } from '../../support/browser.ts';
import { busyTrace } from '../../support/busy-trace.ts';
import { serveFile } from '../../support/inspected.ts';

const LAST_NIGHT = join(import.meta.dirname, '../../../fixtures/event-log/last-night');

browserTest(
  'time goes by at the chosen speed, stops at the end, and a plot shows the rows of each Zeek and the log calls',
  async (t, page, faults) => {
    await page.goto(await serveFile(t, await busyTrace(t)));
    await page.waitForSelector('.what:has-text("/126 ")');
    const plot = (title: string) => page.locator(`.plot[aria-label^="${title}"]`);
    // The Zeek has confirmed nothing for twenty seconds.
    assert.match(
      (await plot('Rows of z:1').getAttribute('aria-label')) ?? '',
      /waiting 400, taken 20\/s, confirmed 0\/s$/,
    );
    assert.match(
      (await plot('Log calls').getAttribute('aria-label')) ?? '',
      /longest 4 ms, average 0\.40 ms$/,
    );
    await page.keyboard.press('Home');
    await page.waitForSelector('.what:has-text("· 1/126 ·")');
    await page.selectOption('select[aria-label="Speed"]', '600');
    await page.click('.play');
    // A minute in a tenth of a second, on a machine that is not busy.
    await page.waitForSelector('.what:has-text("126/126")');
    await untilText(page, '.play', 'Play');
    await page.keyboard.press('Home');
    await page.selectOption('select[aria-label="Speed"]', '1');
    await page.keyboard.press('p');
    await untilText(page, '.play', 'Pause');
    await untilSeen(page, '.what', (text) => Number(/· (\d+)\/126/.exec(text)?.[1]) > 1, 'a later moment');
    await page.keyboard.press('p');
    await untilText(page, '.play', 'Play');
    assert.deepEqual(faults, []);
  },
);

browserTest(
  'the slider is along real time: events of a second are near each other, and its keys go from event to event',
  async (t, page, faults) => {
    await page.goto(await serveFile(t, LAST_NIGHT));
    await untilText(page, '.log .count', '31');
    const slider = page.locator('.track input');
    const place = async () => Number(await slider.inputValue());
    await slider.focus();
    await page.keyboard.press('Home');
    await page.waitForSelector('.what:has-text("· 1/31 ·")');
    assert.equal(await place(), 0);
    await page.keyboard.press('PageUp');
    await page.waitForSelector('.what:has-text("· 11/31 ·")');
    // Thirty-one seconds of almost eight hours.
    assert.ok((await place()) < 50, `${await place()}`);
    const told = (await slider.getAttribute('aria-valuetext')) ?? '';
    assert.match(told, /^2026-11-23 21:55:31 UTC, event 11 of 31$/);
    // In the middle of the night nothing happened: the last before it.
    await slider.fill('5000');
    await page.waitForSelector('.what:has-text("· 18/31 ·")');
    assert.deepEqual(
      await page
        .locator('.axis .tick')
        .allTextContents()
        .then((all) => [all[0], all.at(-1)]),
      ['11-23 21:55:00', '05:45:00'],
    );
    assert.deepEqual(faults, []);
  },
);
