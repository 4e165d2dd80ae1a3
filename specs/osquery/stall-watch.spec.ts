import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StallWatch } from '../../src/osquery/stall-watch.ts';
import { manualClock } from '../support/manual-clock.ts';

function watch() {
  const clock = manualClock();
  const stood: number[] = [];
  return { clock, stood, stalls: new StallWatch(clock, (milliseconds) => stood.push(milliseconds)) };
}

test('a process that runs, if now and then late, has not stood still', () => {
  const { clock, stood } = watch();
  clock.advance(60_000);
  for (let late = 0; late < 10; late += 1) {
    clock.holdUp(7_000);
    clock.advance(1_000);
  }
  assert.deepEqual(stood, []);
});

test('one that stood still for so long that osqueryd gave up calls is noticed once, before what comes in is taken', () => {
  const { clock, stood, stalls } = watch();
  clock.advance(5_000);
  clock.holdUp(25_000);
  stalls.look();
  assert.deepEqual(stood, [25_000]);
  clock.advance(5_000);
  stalls.look();
  assert.deepEqual(stood, [25_000]);
});

test('one to which nothing comes in notices it by itself', () => {
  const { clock, stood } = watch();
  clock.holdUp(25_000);
  clock.advance(1_000);
  assert.deepEqual(stood, [25_000]);
});

test('one that ends looks no more', () => {
  const { clock, stalls } = watch();
  stalls.stop();
  assert.equal(clock.pending, 0);
});
