import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { printTraceLine, type TraceLine } from '../../../src/replay/trace.ts';
import { browserTest, untilText } from '../../support/browser.ts';
import { temporaryDirectory } from '../../support/event-logs.ts';
import { serveFile } from '../../support/inspected.ts';
import { DAY } from '../../support/schedule-builders.ts';

const LAST_NIGHT = join(import.meta.dirname, '../../../fixtures/event-log/last-night');

browserTest(
  'the reason of a fact is read as a whole with the keyboard alone, with its type, cause and JSON',
  async (t, page, faults) => {
    await page.goto(await serveFile(t, LAST_NIGHT));
    await untilText(page, '.log .count', '31');
    await page.keyboard.press('Home');
    for (let record = 1; record < 7; record += 1) await page.keyboard.press('.');
    await page.waitForSelector('.details dd:text-is("QuerySubscribed")');
    const words = (await page.locator('.details .whole-words').textContent()) ?? '';
    assert.match(
      words,
      /subscribes 'SELECT pid, local_port, remote_address FROM process_open_sockets' every 10 s/,
    );
    await page.waitForSelector('.details dd:has-text("of manager.example:9999")');
    await page.waitForSelector('.details .json:has-text("process_open_sockets")');
    // Nothing of the sentence is cut off: it takes as many lines as it needs.
    const cut = await page
      .locator('.details .whole-words')
      .evaluate((shown) => shown.scrollWidth - shown.clientWidth);
    assert.equal(cut, 0);
    await page.keyboard.press('5');
    await page.waitForSelector('.details .scroll:focus');
    assert.deepEqual(faults, []);
  },
);

browserTest('the selected row and the details are of the same event', async (t, page, faults) => {
  await page.goto(await serveFile(t, await traceOf(t)));
  await page.waitForSelector('.details .whole-words:text-is("z:1 takes connection.up")');
  // The message came before the step, so it is the latest and not what is selected.
  await page.waitForSelector('.message.latest[aria-selected="false"]');
  assert.equal(await page.locator('.message.current').count(), 0);
  await page.click('.message');
  await page.waitForSelector('.message.current[aria-selected="true"]');
  await page.waitForSelector('.details dd:text-is("peer.z:1.down")');
  await page.waitForSelector('.details .json:has-text("no route to host")');
  assert.deepEqual(faults, []);
});

browserTest(
  'a step is shown with its event, the states before and after, the transition and what changed in the context',
  async (t, page, faults) => {
    await page.goto(await serveFile(t, await traceOf(t)));
    const shows = (name: string, text: string) =>
      untilText(page, `.details dt:text-is("${name}") + dd`, text);
    await shows('Machine', 'bro-peer');
    await shows('Event', 'connection.up');
    await shows('State before', 'link.linked.handshaking');
    await shows('State after', 'link.linked.peered(sync.resyncing, health.responsive)');
    await shows('Payload', '{"version":"8.0.10"}');
    await shows('Actions', 'stop connection');
    await shows('Context changed', 'attempt: "the third" → "the fourth"');
    const label = 'link.linked → link.linked.peered: connection.up [isAccepted] / noteUp';
    await shows('Transition', label);
    await page.waitForSelector('.edge-label.taken:has-text("connection.up")');
    await page.keyboard.press('Home');
    await shows('State before', 'not seen');
    await page.waitForSelector('.details .json:has-text("(hidden)")');
    assert.ok(!(await page.locator('body').textContent())?.includes('a secret'));
    assert.deepEqual(faults, []);
  },
);

/** Writes a trace of one Zeek that could not be reached at first. */
async function traceOf(t: Parameters<typeof temporaryDirectory>[0]): Promise<string> {
  const step = (at: number, more: object): TraceLine => ({
    ...{ kind: 'step', at: DAY + at, actor: 'peer:z:1', machine: 'bro-peer', status: 'active' },
    ...(more as Pick<TraceLine & { readonly kind: 'step' }, 'event' | 'state' | 'changed'>),
  });
  const down = { type: 'peer.down', peer: 'z:1', subject: 'peer.z:1.down', reason: 'no route to host' };
  const taken = {
    from: 'bro-peer.link.linked',
    to: ['bro-peer.link.linked.peered'],
    label: 'connection.up [isAccepted] / noteUp',
  };
  const lines: TraceLine[] = [
    { kind: 'head', format: 1, version: '1', at: DAY },
    step(1, {
      event: { type: 'xstate.init' },
      state: { link: { linked: 'handshaking' } },
      changed: { attempt: 'the third', password: 'a secret', other: 1 },
    }),
    { kind: 'message', message: { ...down, at: DAY + 2, sequence: 1, retryIn: 1_000 } as never },
    step(3, {
      event: { type: 'connection.up', version: '8.0.10' },
      state: { link: { linked: { peered: { sync: 'resyncing', health: 'responsive' } } } },
      changed: { attempt: 'the fourth' },
      effects: { taken: [taken], actions: ['stop connection'] },
    }),
  ];
  const path = join(await temporaryDirectory(t), 'trace.jsonl');
  await writeFile(path, `${lines.map(printTraceLine).join('\n')}\n`);
  return path;
}
