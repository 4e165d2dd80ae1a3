import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SilenceWatch } from '../../src/broker/silence-watch.ts';
import { manualClock } from '../support/manual-clock.ts';

function watch() {
  const clock = manualClock();
  const told: string[] = [];
  const silence = new SilenceWatch(
    clock,
    { idle: 100, suspect: 50, unresponsive: 30 },
    {
      onIdle: () => told.push('idle'),
      onSuspect: (suspect) => told.push(suspect ? 'suspect' : 'trusted'),
      onLost: (milliseconds) => told.push(`lost after ${milliseconds}`),
    },
  );
  return { clock, told, silence };
}

test('silence is met with a ping, then with suspicion, then with the end', () => {
  const { clock, told } = watch();
  for (let step = 0; step < 18; step += 1) clock.advance(10);
  assert.deepEqual(told, ['idle', 'suspect', 'lost after 180']);
});

test('a message of the peer resets all of that', () => {
  const { clock, told, silence } = watch();
  for (let step = 0; step < 15; step += 1) clock.advance(10);
  silence.heard();
  for (let step = 0; step < 9; step += 1) clock.advance(10);
  assert.deepEqual(told, ['idle', 'suspect', 'trusted']);
});

test('a process that was held up does not take that for the silence of its peer', () => {
  const { clock, told } = watch();
  clock.advance(90);
  clock.holdUp(5_000);
  clock.advance(0);
  assert.deepEqual(told, ['idle']);
  for (let step = 0; step < 8; step += 1) clock.advance(10);
  assert.deepEqual(told, ['idle', 'suspect', 'lost after 180']);
});

test('a stopped watch reports nothing, even if the peer sends something after that', () => {
  const { clock, told, silence } = watch();
  for (let step = 0; step < 15; step += 1) clock.advance(10);
  silence.stop();
  silence.heard();
  for (let step = 0; step < 50; step += 1) clock.advance(10);
  assert.deepEqual(told, ['idle', 'suspect']);
});
