import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../../src/inspect/history.ts';
import { TimeScale } from '../../src/inspect/time-scale.ts';

function scaleOf(times: readonly number[]): TimeScale {
  const history = new History();
  history.add(
    times.map((at, seq) => ({
      ...({
        kind: 'fact',
        at,
        seq,
        type: 'BroLost',
        words: '',
        cause: '',
        detail: '',
        peer: '',
        query: '',
      } as const),
    })),
  );
  return new TimeScale(history);
}

test('moments are where real time has them, and those of one millisecond at one place', () => {
  const scale = scaleOf([1_000, 1_000, 2_000, 5_000]);
  assert.deepEqual(
    [0, 1, 2, 3].map((moment) => scale.placeOf(moment)),
    [0, 0, 1_000, 4_000],
  );
  assert.deepEqual(
    [0, 999, 1_000, 3_999, 4_000, 9_999].map((place) => scale.momentAt(place)),
    [1, 1, 2, 2, 3, 3],
  );
  assert.equal(scale.timeAt(2_500), 3_500);
  assert.deepEqual(scale.gaps, []);
});

test('an exceptionally long interval is a gap, which is shortened and told', () => {
  const busy = Array.from({ length: 100 }, (_, n) => n * 100);
  const night = 8 * 3_600_000;
  const scale = scaleOf([...busy, ...busy.map((at) => at + night)]);
  assert.deepEqual(scale.gaps, [{ moment: 100, length: night - 9_900 }]);
  assert.equal(scale.length, 9_900 + 5_000 + 9_900);
  // Half of the gap's place is half of its time.
  assert.equal(scale.timeAt(9_900 + 2_500), 9_900 + (night - 9_900) / 2);
  assert.equal(scale.momentAt(9_900 + 2_500), 99);
});

test('nothing, a single event, and a clock that was set back have their places', () => {
  assert.deepEqual([scaleOf([]).length, scaleOf([]).momentAt(5), scaleOf([]).timeAt(0)], [0, 0, 0]);
  assert.deepEqual([scaleOf([7]).placeOf(0), scaleOf([7]).timeAt(3)], [0, 7]);
  const scale = scaleOf([5_000, 1_000, 2_000]);
  assert.deepEqual(
    [0, 1, 2].map((moment) => scale.placeOf(moment)),
    [0, 0, 1_000],
  );
});
