import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createActor, createMachine } from 'xstate';
import { createBus } from '../../../src/bus/bus.ts';
import { createConversation, type InspectSource } from '../../../src/inspect/conversation.ts';
import { bareStep } from '../../../src/inspect/entries.ts';
import { openLive } from '../../../src/inspect/live-recording.ts';
import { RecentEvents } from '../../../src/inspect/recent-events.ts';
import { Recording } from '../../../src/inspect/recording.ts';
import { browserTest, untilText } from '../../support/browser.ts';
import { namesIn, temporaryDirectory } from '../../support/event-logs.ts';
import { serveConversation, serveFile } from '../../support/inspected.ts';
import { DAY, fact } from '../../support/schedule-builders.ts';

const LAST_NIGHT = join(import.meta.dirname, '../../../fixtures/event-log/last-night');

const LINK = createMachine({
  id: 'bro-peer',
  initial: 'connecting',
  states: { connecting: { on: { up: 'peered' } }, peered: { on: { down: 'connecting' } } },
});

function conversationOf(open: InspectSource['open']): ReturnType<typeof createConversation> {
  const name = { kind: 'live', name: 'this extension' } as const;
  return createConversation({ name, charts: async () => [], open }, { version: '1', now: () => DAY });
}

browserTest(
  'a page that is opened late shows the steps and messages before, among the facts of the log',
  async (t, page, faults) => {
    let clock = DAY;
    const now = () => ++clock;
    const bus = createBus({ now, onFailure: (error) => assert.ifError(error) });
    const actor = createActor(LINK, { id: 'peer:z:1' }).start();
    const recent = new RecentEvents(actor, bus, now, { entries: 20, weight: 100_000 });
    t.after(() => recent.close());
    actor.send({ type: 'up' });
    bus.publish({ type: 'osquery.identified', identity: null } as never);
    const lost = fact(0, 'BroLost', { peer: 'z:1', reason: 'no route to host' });
    const record = { ...lost, seq: 1, rest: 0, time: now() };
    actor.send({ type: 'down' });
    const parts = {
      ...{ recent, now, lastSeq: () => 1, counts: () => [], senders: () => [] },
      lastRuns: async () => new Map<string, number>(),
      history: async () => ({
        base: null,
        records: (async function* () {
          yield record;
        })(),
      }),
    };
    const address = await serveConversation(
      t,
      conversationOf((onProblem) => openLive(parts, onProblem)),
    );
    await page.goto(address);
    await untilText(page, '.bus .count', '1');
    await page.keyboard.press('Home');
    await page.waitForSelector('.what:has-text("1/6 · z:1 was found in its state")');
    const told = [];
    for (let step = 1; step < 5; step += 1) {
      await page.keyboard.press('ArrowRight');
      await page.waitForSelector(`.what:has-text("${step + 1}/6")`);
      told.push((await page.locator('.what').textContent())?.split(' · ').at(-1));
    }
    assert.deepEqual(told, [
      'z:1 takes up',
      'osquery-core says osquery.identified',
      'z:1 disconnected: no route to host',
      'z:1 takes down',
    ]);
    await untilText(page, '.earlier', '◂ earlier steps and messages were not recorded');
    for (let n = 0; n < 20; n += 1) actor.send({ type: n % 2 === 0 ? 'up' : 'down' });
    assert.ok(recent.entries.length <= 20);
    await page.goto('about:blank');
    await page.goto(address);
    await untilText(page, '.earlier', '◂ older events discarded');
    assert.deepEqual(faults, []);
  },
);

browserTest('a log whose first records are gone says so', async (t, page, faults) => {
  const [segment = ''] = await namesIn(join(LAST_NIGHT, 'event-log'), /\.jsonl$/);
  const [, ...rest] = (await readFile(join(LAST_NIGHT, 'event-log', segment), 'utf8')).split('\n');
  const path = join(await temporaryDirectory(t), 'rest.jsonl');
  await writeFile(path, rest.join('\n'));
  await page.goto(await serveFile(t, path));
  await untilText(page, '.log .count', `${rest.length - 1}`);
  await untilText(page, '.earlier', '◂ older events discarded');
  assert.deepEqual(faults, []);
});

browserTest(
  'a recording that has lost its beginning says so, and says of states before it that they are not known',
  async (t, page, faults) => {
    const recording = new Recording(null, { entries: 10, weight: 100_000 });
    const step = (at: number, actor: string) =>
      recording.add(
        bareStep({
          ...{ kind: 'step', at: DAY + at, actor, machine: 'courier', event: 'e', state: 'idle' },
          status: 'active',
        }),
      );
    for (let n = 0; n < 20; n += 1) step(n, 'courier');
    step(30, 'peer:late:1');
    await page.goto(
      await serveConversation(
        t,
        conversationOf(() => ({ recording, close() {} })),
      ),
    );
    await untilText(page, '.earlier', '◂ older events discarded');
    await page.keyboard.press('Home');
    await page.keyboard.press('c');
    await page.keyboard.press('End');
    await page.waitForSelector('.difference li:text-is("~ late:1: not known → idle")');
    await page.keyboard.press('Home');
    await page.waitForSelector('.difference li:has-text("Nothing changed.")');
    assert.deepEqual(faults, []);
  },
);
