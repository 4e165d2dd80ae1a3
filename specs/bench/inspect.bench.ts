/**
 * What looking costs: `node --import tsx specs/bench/inspect.bench.ts`. A peer's machine and the bus at work with
 * nobody who may look, with a page served and nobody there, and with one page connected; a search through a hundred
 * thousand events; then the page itself with as many: to load it, and to go from event to event and from one time to another.
 */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { createActor, createMachine } from 'xstate';
import { createBus } from '../../src/bus/bus.ts';
import { layOutCharts } from '../../src/cli/inspect/charts.ts';
import { pageAssets } from '../../src/cli/inspect/page-assets.ts';
import { fileSource } from '../../src/cli/inspect/sources.ts';
import { createConversation, type InspectSource } from '../../src/inspect/conversation.ts';
import { History } from '../../src/inspect/history.ts';
import { startInspectServer } from '../../src/inspect/inspect-server.ts';
import { openLive } from '../../src/inspect/live-recording.ts';
import { RecentEvents } from '../../src/inspect/recent-events.ts';
import { Search } from '../../src/inspect/search.ts';
import { printTraceLine, type TraceLine } from '../../src/replay/trace.ts';
import { findChromium, launchBrowser } from '../support/chromium.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);
const STEPS = 20_000;
const ROUNDS = 7;

const bus = createBus({ now: Date.now, onFailure: () => {} });
const machine = createMachine({
  id: 'bro-peer',
  initial: 'one',
  states: { one: { on: { go: 'two' } }, two: { on: { go: 'one' } } },
});
const root = createActor(machine, { id: 'peer:bench' }).start();

/** Microseconds for a step of a machine and a message of the bus; the fastest of some rounds. */
async function cost(): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const started = performance.now();
    for (let step = 0; step < STEPS; step += 1) {
      root.send({ type: 'go' });
      bus.publish({ type: 'logger.progress', calls: step, bytes: step, milliseconds: step, longest: 1 });
      // As in real life others have their turn.
      if (step % 500 === 0) await new Promise(setImmediate);
    }
    times.push(((performance.now() - started) / STEPS) * 1_000);
  }
  return Math.min(...times);
}

const serve = (source: InspectSource) =>
  startInspectServer({
    listen: { host: '127.0.0.1', port: 0 },
    token: null,
    version: '1',
    now: Date.now,
    page: pageAssets,
    conversation: createConversation(source, { version: '1', now: Date.now }),
    rows: { shown: false, how: '' },
  });

await cost();
const without = await cost();
const recent = new RecentEvents(root, bus, Date.now);
const server = await serve({
  name: { kind: 'live', name: 'bench' },
  charts: layOutCharts,
  open: (onProblem) =>
    openLive(
      {
        recent,
        now: Date.now,
        lastSeq: () => 0,
        history: () => Promise.reject(new Error('there is none')),
        counts: () => [],
        senders: () => [],
        lastRuns: () => Promise.resolve(new Map()),
      },
      onProblem,
    ),
});
const served = await cost();
const page = new WebSocket(`${server.address.replace('http', 'ws')}socket`);
await once(page, 'open');
page.send(JSON.stringify({ type: 'hello', token: '' }));
await once(page, 'message');
const connected = await cost();
page.terminate();
await once(page, 'close');
await server.close();
recent.close();
say(`a step and a message, no --inspect            ${without.toFixed(2)} µs`);
say(`                       --inspect, no page     ${served.toFixed(2)} µs`);
say(`                       --inspect, one page    ${connected.toFixed(2)} µs`);

const SEARCHED = 100_000;
const history = new History();
const detail = JSON.stringify({ sql: 'SELECT pid, name, cmdline FROM processes', topic: 'x'.repeat(150) });
history.add(
  Array.from({ length: SEARCHED }, (_, at) => ({
    ...({ kind: 'message', at, type: 'peer.request', subject: 'peer.a:1.request' } as const),
    ...{ from: 'peer:a:1', to: [], peer: 'a:1', query: '', numbers: {}, detail: `${detail} ${at}` },
  })),
);
const search = new Search();
const times = ['cmdline', '77777', 'nowhere', 'processes', 'osquery'].map((text) => {
  const began = performance.now();
  search.hits(history, text);
  return performance.now() - began;
});
say(`a search through ${SEARCHED} messages         ${Math.max(...times).toFixed(0)} ms, the slowest of 5`);

const EVENTS = 100_000;
const directory = await mkdtemp(join(tmpdir(), 'inspect-bench-'));
try {
  const lines = Array.from({ length: EVENTS }, (_, n): TraceLine => {
    const at = 1_795_514_240_000 + n * 10;
    if (n % 2 === 0) {
      const event = { type: n % 4 === 0 ? 'connection.up' : 'connection.closed' };
      const state =
        n % 4 === 0
          ? { link: { linked: { peered: { sync: 'resyncing', health: 'responsive' } } }, presence: 'present' }
          : { link: 'backingOff', presence: 'absent' };
      return {
        kind: 'step',
        at,
        actor: 'peer:a:1',
        machine: 'bro-peer',
        event,
        state,
        status: 'active',
        changed: {},
      };
    }
    const subject = 'peer.a:1.suspect';
    const suspect = n % 4 === 1;
    const message = { type: 'peer.suspect', peer: 'a:1', suspect, at, sequence: n, subject } as const;
    return { kind: 'message', message };
  });
  const path = join(directory, 'trace.jsonl');
  await writeFile(path, `${lines.map(printTraceLine).join('\n')}\n`);
  if (findChromium() === undefined) say('no Chromium: the page is not measured');
  else await measurePage(path);
} finally {
  await rm(directory, { recursive: true, force: true });
}

async function measurePage(path: string): Promise<void> {
  const [traced, browser] = [await serve(await fileSource(path)), await launchBrowser()];
  try {
    const view = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    // What a picture costs: our drawing and the layout that follows from it.
    await view.addInitScript(`
      globalThis.pictures = [];
      const real = globalThis.requestAnimationFrame.bind(globalThis);
      globalThis.requestAnimationFrame = (draw) => real((at) => {
        const began = performance.now();
        draw(at);
        document.body.getBoundingClientRect();
        globalThis.pictures.push(performance.now() - began);
      });
    `);
    const started = performance.now();
    await view.goto(traced.address);
    await view.waitForSelector(`.what:has-text("/${EVENTS} ")`, { timeout: 120_000 });
    const loaded = performance.now() - started;
    say(`${EVENTS} events in the page           ${loaded.toFixed(0)} ms to show them`);
    const measure = async (what: string, act: () => Promise<void>) => {
      await view.waitForTimeout(1_000);
      await view.evaluate('globalThis.pictures.length = 0');
      await act();
      await view.waitForTimeout(500);
      const pictures = await view.evaluate<number[]>('globalThis.pictures');
      const inOrder = pictures.sort((one, other) => one - other);
      const at = (part: number) => (inOrder[Math.floor((inOrder.length - 1) * part)] ?? 0).toFixed(1);
      say(`  ${what.padEnd(42)} p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms`);
    };
    await measure('200 steps', async () => {
      for (let step = 0; step < 200; step += 1) await view.keyboard.press('ArrowLeft');
    });
    await measure('50 jumps in time', async () => {
      for (let step = 0; step < 50; step += 1) {
        await view.locator('.track input').fill(`${(step * 7_919) % 10_000}`);
      }
    });
    await measure('a search, letter by letter', async () => {
      await view.keyboard.press('/');
      await view.keyboard.type('suspect');
    });
  } finally {
    await browser.close();
    await traced.close();
  }
}
process.exit(0);
