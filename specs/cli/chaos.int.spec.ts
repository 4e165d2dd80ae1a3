import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ChaosHarness } from '../support/chaos-harness.ts';
import { SeededRandom } from '../support/random.ts';

/**
 * Everything dies at random, and no row that was answered for is lost: a stand-in osqueryd, the extension and two
 * Bros are killed with -9, stopped and continued, cut off and restored, while rows with numbers come from two
 * sides: log calls made the way osqueryd makes them, and files that osqueryd itself finds and logs, whether anybody is
 * there to take them or not. `make chaos` plays 200 rounds; CHAOS_SEED plays one run again.
 */
const SEED = Number(process.env['CHAOS_SEED'] || Date.now() % 2 ** 31);
const ROUNDS = Number(process.env['CHAOS_ROUNDS'] || 6);
/** Milliseconds after which no new round begins. */
const BOUND = 20 * 60_000;

const FAULTS = [
  'kill extension',
  'kill extension',
  'stop extension',
  'kill osqueryd',
  'stop osqueryd',
  'kill a bro',
  'restart both bros',
  'cut the network',
  'stall the network',
  'slow the network',
  'kill everything',
  'calm',
] as const;

test(`${ROUNDS} rounds of chaos lose no row that was answered for, or logged by osqueryd (CHAOS_SEED=${SEED})`, async (t) => {
  const random = new SeededRandom(SEED);
  const harness = await ChaosHarness.create(t);
  await harness.start();
  const began = Date.now();
  let played = 0;
  for (; played < ROUNDS && Date.now() - began < BOUND; played += 1) {
    // Chance of their own, so that the faults of a seed don't depend on how fast the machine is.
    const own = new SeededRandom(random.between(1, 2 ** 31));
    const producing = Promise.all([
      harness.produceCalls(random.between(5, 25), own),
      harness.produceFiles(random.between(1, 8)),
    ]);
    for (let faults = random.between(1, 2); faults > 0; faults -= 1) {
      await pause(random.between(0, 150));
      await strike(harness, random.pick(FAULTS), random);
    }
    await producing;
    await harness.checkAccounts();
  }
  await harness.settle();
  assert.deepEqual(harness.audit.verdict(), { lost: [], invented: [], disordered: [] });
  told(t, harness, played, Date.now() - began);
  await harness.checkLastWords(random);
});

async function strike(
  harness: ChaosHarness,
  fault: (typeof FAULTS)[number],
  random: SeededRandom,
): Promise<void> {
  const { host } = harness;
  switch (fault) {
    case 'kill extension':
      await harness.killExtension();
      await pause(random.between(0, 200));
      return host.startExtension();
    case 'stop extension':
    case 'stop osqueryd': {
      const which = fault === 'stop extension' ? 'extension' : 'osqueryd';
      host.signal(which, 'SIGSTOP');
      await pause(random.between(50, 800));
      return host.signal(which, 'SIGCONT');
    }
    case 'kill osqueryd':
      await harness.killOsqueryd();
      return host.startOsqueryd();
    case 'kill a bro':
      return harness.restartBro(random.between(0, 1), random.between(0, 300));
    case 'restart both bros':
      for (const at of [0, 1]) await harness.restartBro(at, random.between(0, 300));
      return;
    case 'cut the network':
      return harness.proxyOf(random.between(0, 1)).cut();
    case 'stall the network':
    case 'slow the network': {
      const proxy = harness.proxyOf(random.between(0, 1));
      proxy.mode = fault === 'stall the network' ? 'stall' : 'trickle';
      await pause(random.between(50, 500));
      // What was on its way is lost with the connection, or goes on.
      if (random.next() < 0.5) proxy.cut();
      proxy.mode = 'forward';
      return;
    }
    case 'kill everything':
      await Promise.all([harness.killExtension(), harness.killOsqueryd()]);
      for (const at of [0, 1]) await harness.restartBro(at, 0);
      await host.startOsqueryd();
      return host.startExtension();
    case 'calm':
      return;
    default:
      fault satisfies never;
  }
}

function told(t: TestContext, harness: ChaosHarness, played: number, took: number): void {
  const { rows, answeredFor, arrivals } = harness.audit;
  t.diagnostic(
    `${played} rounds in ${Math.round(took / 1_000)} s: ${rows} rows made, ${answeredFor} answered for, ` +
      `${arrivals} arrivals, 0 lost; ${harness.foundByOsqueryd} of the rows were found by osqueryd, ` +
      `${harness.recovered} taken from its log; ${harness.lives} lives of the extension`,
  );
}
