import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LagHistogram } from '../../src/simulation/lag.ts';

test('nothing has no percentile', () => {
  assert.equal(new LagHistogram().percentile(0.5), undefined);
});

test('a percentile is exact to 4.4 %, and never beyond the longest', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1),
      (times, share) => {
        const lag = new LagHistogram();
        for (const time of times) lag.add(time);
        const sorted = [...times].sort((a, b) => a - b);
        const exact = sorted[Math.ceil(times.length * share) - 1] ?? 0;
        const told = lag.percentile(share) ?? -1;
        assert(told >= exact - 1e-6, `${told} for ${exact}`);
        assert(told + 1 <= (exact + 1) * 1.0443, `${told} for ${exact}`);
        assert(told <= lag.longest);
        assert.equal(lag.count, times.length);
      },
    ),
  );
});
