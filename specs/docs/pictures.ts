import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { parseInspectAddress } from '../../src/cli/inspect/address.ts';
import { layOutCharts } from '../../src/cli/inspect/charts.ts';
import { relayTo } from '../../src/cli/inspect/relay.ts';
import { rowsOf } from '../../src/cli/inspect/rows.ts';
import { svgOf } from '../../src/inspect/svg.ts';
import { startBro } from '../support/bro.ts';
import { findChromium, launchBrowser } from '../support/chromium.ts';
import { serveConversation, serveFile } from '../support/inspected.ts';
import { startInspectedHost } from '../support/inspected-host.ts';

/** Makes the pictures of the manual: statecharts out of the machines, screenshots out of a life that is lived for it. */

const FOLDER = join(import.meta.dirname, '../../fixtures/docs');
/** Relative, as it is shown. */
const LAST_NIGHT = relative(process.cwd(), join(import.meta.dirname, '../../fixtures/event-log/last-night'));
const DRAWN = ['bro-peer', 'schedule-manager', 'extension', 'osquery-core', 'backfill'];
/** A usual port of Broker, which makes for pictures that one knows again. */
const PORT = 9999;

mkdirSync(FOLDER, { recursive: true });

async function openPage(
  t: TestContext,
  address: string,
  colorScheme: 'light' | 'dark',
  size = { width: 1440, height: 900 },
): Promise<Page> {
  const browser = await launchBrowser();
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport: size, colorScheme });
  await page.goto(address);
  return page;
}

/** @param part a selector, where not the whole page is wanted */
async function picture(page: Page, name: string, part = 'body'): Promise<void> {
  // The last drawing and the smooth scrolling of browsers take a moment.
  await page.waitForTimeout(400);
  await page.locator(part).screenshot({ path: join(FOLDER, `${name}.png`) });
}

test('statecharts', async () => {
  for (const layout of await layOutCharts()) {
    if (DRAWN.includes(layout.machine)) await writeFile(join(FOLDER, `${layout.machine}.svg`), svgOf(layout));
  }
});

const skip = findChromium() === undefined ? 'there is no Chromium' : false;

test('a running extension, and time travel over its trace', { skip }, async (t) => {
  const early = await startBro(t, { port: PORT });
  await early.kill();
  const { look, trace, stateDirectory, child } = await startInspectedHost(t, early.address);
  const { socketUrl } = parseInspectAddress(look) ?? { socketUrl: '' };
  const address = await serveConversation(t, relayTo(socketUrl, ''), { rows: rowsOf(stateDirectory) });
  const page = await openPage(t, address, 'light');
  await page.waitForSelector('[data-state="bro-peer.link.backingOff"].active');
  const bro = await startBro(t, { port: PORT });
  await bro.announced();
  const processes = bro.subscribe('SELECT pid, name, path, cmdline FROM processes', { interval: 1 });
  const users = bro.subscribe('SELECT uid, username, shell FROM users WHERE uid < 5', {
    interval: 2,
  });
  bro.execute('SELECT name, version, platform FROM os_version');
  bro.join('servers');
  await bro.untilRows(20, processes);
  await bro.untilRows(2, users);
  await page.waitForTimeout(9_000);
  await picture(page, 'inspect-live');
  await page.setViewportSize({ width: 1440, height: 1200 });
  await page.click('.subscriptions tr:has-text("FROM users") .open-rows');
  await page.waitForSelector('.latest-rows td');
  await picture(page, 'inspect-rows', '.schedule');
  await page.click('.rows-block button');
  await page.waitForSelector('.plot');
  await picture(page, 'inspect-plots', '.plots');
  await page.setViewportSize({ width: 1440, height: 900 });
  await bro.kill();
  await page.waitForSelector('.countdown');
  await picture(page, 'inspect-backing-off');
  child.kill('SIGTERM');
  await once(child, 'exit');

  const shown = join(tmpdir(), 'trace.jsonl');
  await copyFile(trace, shown);
  t.after(() => rm(shown, { force: true }));
  const past = await openPage(t, await serveFile(t, shown), 'dark');
  await past.waitForSelector('.log .fact');
  await past.click('[data-actor^="peer:"]');
  await past.waitForTimeout(1_000);
  await past.click('.log .fact:has-text("connected for the first time")');
  await past.keyboard.press('c');
  await past.click('.log .fact:has-text("disconnected")');
  await past.waitForSelector('.difference li:has-text("+ bro_")');
  await picture(past, 'inspect-time-travel');
});

test('an event log', { skip }, async (t) => {
  const page = await openPage(t, await serveFile(t, LAST_NIGHT), 'light');
  await page.waitForSelector('.log .fact:has-text("were dropped")');
  await page.keyboard.press('Home');
  for (let record = 0; record < 21; record += 1) await page.keyboard.press('.');
  await picture(page, 'inspect-log');
  const narrow = await openPage(t, await serveFile(t, LAST_NIGHT), 'dark', { width: 420, height: 760 });
  await narrow.click('[data-panel="schedule"]');
  await narrow.waitForSelector('.subscriptions code');
  await picture(narrow, 'inspect-narrow');
});
