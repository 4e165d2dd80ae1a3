import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefreshCycle } from '../../src/config/refresh-cycle.ts';
import { manualClock } from '../support/manual-clock.ts';

/** A cycle over a clock that stands still, which notes the seconds at which it reads. */
function cycle() {
  const clock = manualClock();
  const readings: number[] = [];
  const state = { isGood: true, hold: undefined as Promise<void> | undefined };
  const refreshes = new RefreshCycle(clock, async () => {
    readings.push(clock.now() / 1_000);
    await state.hold;
    return state.isGood;
  });
  /** Lets seconds pass, with everything that is due done in its second. */
  const pass = async (seconds: number) => {
    await new Promise(setImmediate);
    for (let second = 0; second < seconds; second += 1) {
      clock.advance(1_000);
      await new Promise(setImmediate);
    }
  };
  return { clock, readings, refreshes, state, pass };
}

test('all being well it reads once a minute', async () => {
  const { readings, refreshes, pass } = cycle();
  refreshes.refresh();
  await pass(150);
  assert.deepEqual(readings, [0, 60, 120]);
});

test('what could not be read is read again within a second, then ever more seldom, at least once a minute', async () => {
  const { readings, refreshes, state, pass } = cycle();
  state.isGood = false;
  refreshes.refresh();
  await pass(190);
  assert.deepEqual(readings, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
  state.isGood = true;
  await pass(60);
  state.isGood = false;
  await pass(63);
  assert.deepEqual(readings.slice(9), [243, 303, 304, 306, 310]);
});

test('asked to, it reads at once, or once more after a reading that is under way; ended, it reads no more', async () => {
  const { clock, readings, refreshes, state, pass } = cycle();
  const held = Promise.withResolvers<void>();
  state.hold = held.promise;
  refreshes.refresh();
  await pass(5);
  refreshes.refresh();
  refreshes.refresh();
  await pass(1);
  assert.deepEqual(readings, [0]);
  held.resolve();
  await pass(1);
  assert.deepEqual(readings, [0, 6]);
  refreshes.refresh();
  await pass(1);
  assert.deepEqual(readings, [0, 6, 7]);
  refreshes.stop();
  refreshes.refresh();
  await pass(100);
  assert.deepEqual(readings, [0, 6, 7]);
  assert.equal(clock.pending, 0);
});
