import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Arrivals } from '../../src/delivery/arrivals.ts';

test('the oldest arrival is that of the first row that is not settled', () => {
  const arrivals = new Arrivals();
  assert.equal(arrivals.oldest(0), null);
  arrivals.note(3, 10_000, 0);
  arrivals.note(5, 20_000, 0);
  assert.deepEqual(
    [0, 2, 3, 4, 5].map((settled) => arrivals.oldest(settled)),
    [10_000, 10_000, 20_000, 20_000, null],
  );
  arrivals.note(6, 30_000, 6);
  assert.equal(arrivals.oldest(5), null);
});

test('however much waits, the oldest is known exactly and the others nearly', () => {
  const arrivals = new Arrivals();
  for (let second = 0; second < 100_000; second += 1) arrivals.note(second + 1, second * 1_000, 0);
  assert.equal(arrivals.oldest(0), 0);
  for (const settled of [1_000, 50_000, 99_000]) {
    const found = arrivals.oldest(settled) ?? Number.NaN;
    const waits = 100_000_000 - settled * 1_000;
    assert.ok(
      found <= settled * 1_000 && found >= settled * 1_000 - waits / 8 - 1_000,
      `${settled}: ${found}`,
    );
  }
});

test('it never says that a row came later than it did, nor earlier than any row that waits with it', () => {
  const arrival = fc.record({
    rows: fc.integer({ min: 1, max: 5 }),
    after: fc.integer({ min: 0, max: 5_000 }),
  });
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 100 }), fc.nat(400), (noted, settled) => {
      const arrivals = new Arrivals();
      let [end, at] = [0, 0];
      const waiting: number[] = [];
      for (const { rows, after } of noted) {
        end += rows;
        at += after;
        arrivals.note(end, at, 0);
        if (end > settled) waiting.push(at);
      }
      const oldest = arrivals.oldest(settled);
      if (waiting[0] === undefined) assert.equal(oldest, null);
      else assert.ok(oldest !== null && oldest <= waiting[0] && oldest > waiting[0] - 1_000);
    }),
  );
});
