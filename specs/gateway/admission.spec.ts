import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admission } from '../../src/gateway/admission.ts';
import { Pace } from '../../src/gateway/pace.ts';
import { manualClock } from '../support/manual-clock.ts';

test('a pace lets so many through a second', () => {
  const pace = new Pace(10, 0);
  assert.equal(pace.take(10, 0), 0);
  assert.equal(pace.take(1, 0), 100);
  assert.equal(pace.take(1, 1_000), 0);
  assert.equal(new Pace(Number.POSITIVE_INFINITY, 0).take(1e9, 0), 0);
});

test('so many guests have their turn at once, the others wait, and those who wait too long are sent away', async () => {
  const clock = manualClock();
  const turns: { guest: number; end: () => void }[] = [];
  const away: number[] = [];
  const admission = new Admission<number>(
    { clock, perSecond: 1_000_000, atOnce: 2, patience: 1_000 },
    (guest) => new Promise<void>((resolve) => turns.push({ guest, end: resolve })),
    (guest) => away.push(guest),
  );
  for (let guest = 0; guest < 5; guest += 1) admission.add(guest);
  assert.deepEqual(
    turns.map(({ guest }) => guest),
    [0, 1],
  );
  turns[0]?.end();
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(
    turns.map(({ guest }) => guest),
    [0, 1, 2],
  );
  clock.advance(1_001);
  turns[1]?.end();
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(away, [3, 4]);
  admission.add(5);
  admission.end();
  admission.add(6);
  assert.deepEqual(away, [3, 4, 6]);
});
