import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { relayTo } from '../../../src/cli/inspect/relay.ts';
import type { Conversation } from '../../../src/inspect/conversation.ts';
import { printTraceLine, type TraceLine } from '../../../src/replay/trace.ts';
import { browserTest, untilText } from '../../support/browser.ts';
import { temporaryDirectory, writeLog } from '../../support/event-logs.ts';
import { serveConversation, serveFile } from '../../support/inspected.ts';
import { bro, connect, DAY, PROCESS_COLUMNS, start, subscribe } from '../../support/schedule-builders.ts';

const LAST_NIGHT = join(import.meta.dirname, '../../../fixtures/event-log/last-night');

browserTest(
  'buttons that lead nowhere are greyed, and a log that crosses midnight has dates',
  async (t, page, faults) => {
    await page.goto(await serveFile(t, LAST_NIGHT));
    await untilText(page, '.log .count', '31');
    const disabled = () =>
      page
        .locator('.controls button')
        .evaluateAll((all) => all.slice(0, 4).map((one) => one.getAttribute('aria-disabled')));
    await page.keyboard.press('Home');
    await page.waitForSelector('.what:has-text("1/31")');
    assert.deepEqual(await disabled(), ['true', 'true', 'false', 'false']);
    await page.waitForSelector('.log .new-day:has-text("11-23 ")');
    await page.keyboard.press('ArrowRight');
    await page.waitForSelector('.what:has-text("2/31")');
    assert.deepEqual(await disabled(), ['false', 'false', 'false', 'false']);
    await page.keyboard.press('End');
    await page.waitForSelector('.what:has-text("31/31")');
    assert.deepEqual(await disabled(), ['false', 'false', 'true', 'true']);
    await page.locator('.log .list').evaluate((list) => list.scrollTo(0, 17 * 26 - 40));
    const day = page.locator('.log .new-day:text-is("11-24 02:58:12")');
    await day.waitFor();
    assert.equal(await day.evaluate((cell) => cell.scrollWidth - cell.clientWidth), 0);
    // The log has its first record: nothing was discarded.
    assert.equal(await page.locator('.earlier').isVisible(), false);
    assert.deepEqual(faults, []);
  },
);

browserTest(
  'arrow keys on tabs select the next and leave time alone, and tabs name their panel',
  async (t, page, faults) => {
    await page.goto(await serveFile(t, LAST_NIGHT));
    await untilText(page, '.log .count', '31');
    const what = (await page.locator('.what').textContent()) ?? '';
    await page.focus('[data-actor="extension"]');
    await page.keyboard.press('ArrowRight');
    await page.waitForSelector('[data-actor="osquery-core"][aria-selected="true"]:focus');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowRight');
    await page.waitForSelector('[data-actor="peer:manager.example:9999"][aria-selected="true"]:focus');
    assert.equal(await page.locator('.what').textContent(), what);
    const panel = await page.locator('[data-actor^="peer:manager"]').getAttribute('aria-controls');
    await page.waitForSelector(`#${panel}[role="tabpanel"][aria-label="Statechart of manager.example:9999"]`);
    // An outline outside of what scrolls would be cut off.
    await page.keyboard.press('4');
    await page.waitForSelector('.log .list:focus');
    const offset = await page.evaluate<string>('getComputedStyle(document.activeElement).outlineOffset');
    assert.ok(Number.parseFloat(offset) <= -2, offset);
    await page.setViewportSize({ width: 400, height: 700 });
    await page.focus('.panel-tabs [data-panel="machines"]');
    await page.keyboard.press('End');
    await page.waitForSelector('.details:visible');
    assert.deepEqual(faults, []);
  },
);

browserTest('rows have their columns in the order of the query', async (t, page, faults) => {
  const directory = await temporaryDirectory(t);
  await writeLog(join(directory, 'event-log'), [
    start(0),
    connect(1, 'zeek:9999', 'a'),
    subscribe(2, 'zeek:9999', 'a', { columns: PROCESS_COLUMNS }),
  ]);
  const columns = { name: 'init', pid: '1' };
  const row = { sequence: 1, receivedAt: DAY, change: 'ADDED', columns } as const;
  const rows = { shown: true, read: async () => ({ rows: [row], isCut: false }) } as const;
  await page.goto(await serveFile(t, directory, { rows }));
  await page.click(`[data-name="${bro(1)}"] .open-rows`);
  await page.waitForSelector('.latest-rows td:text-is("init")');
  const texts = (selector: string) => page.locator(`.latest-rows ${selector}`).allTextContents();
  assert.deepEqual((await texts('th')).slice(2), ['pid', 'name']);
  assert.deepEqual((await texts('td')).slice(2), ['1', 'init']);
  assert.deepEqual(faults, []);
});

browserTest('an active state that is trouble is marked as such', async (t, page, faults) => {
  const step = (at: number, type: string, state: object): TraceLine => ({
    ...{ kind: 'step', at: DAY + at, actor: 'peer:z:1', machine: 'bro-peer', event: { type } },
    ...{ state, status: 'active', changed: {} },
  });
  const lines: TraceLine[] = [
    { kind: 'head', format: 1, version: '1', at: DAY },
    step(1, 'xstate.init', { link: { linked: 'connecting' } }),
    step(2, 'connection.closed', { link: 'backingOff' }),
  ];
  const path = join(await temporaryDirectory(t), 'trace.jsonl');
  await writeFile(path, `${lines.map(printTraceLine).join('\n')}\n`);
  await page.goto(await serveFile(t, path));
  await page.waitForSelector('[data-state="bro-peer.link.backingOff"].active.trouble');
  await page.keyboard.press('Home');
  await page.waitForSelector('[data-state="bro-peer.link.linked.connecting"].active:not(.trouble)');
  assert.deepEqual(faults, []);
});

browserTest('on a socket that nobody listens on, panels and terminal say so', async (t, page) => {
  const warnings: string[] = [];
  const dead = join(await temporaryDirectory(t), 'nobody.sock');
  const relay = relayTo(`ws+unix:${dead}:/socket`, '', (text) => warnings.push(text));
  let attempts = 0;
  const counted: Conversation = (socket) => {
    attempts += 1;
    relay(socket);
  };
  await page.goto(await serveConversation(t, counted));
  await page.waitForSelector('.problem:has-text("Can\'t reach the extension at")');
  for (const panel of ['machines', 'bus', 'schedule', 'log']) {
    await page.waitForSelector(`.${panel} :text("Nothing is known yet")`);
  }
  // The page tries again each second; it is said once.
  while (attempts < 3) await page.waitForTimeout(50);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /nobody\.sock.*Is it running, with --inspect on this address\?/);
});
