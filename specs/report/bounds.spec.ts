import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BoundedTable } from '../../src/report/bounded-table.ts';
import { OTHERS, TimeBins } from '../../src/report/time-bins.ts';

describe('counts in time', () => {
  test('add up to what was counted, whatever the times, in no more bins than were asked for', () => {
    const moment = fc.integer({ min: 946_684_800_000, max: 1_900_000_000_000 });
    const entry = fc.tuple(moment, fc.constantFrom('a', 'b', 'c'));
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 300 }),
        fc.integer({ min: 1, max: 50 }),
        (entries, most) => {
          const bins = new TimeBins();
          for (const [time, series] of entries) bins.add(time, series);
          const chart = bins.chart(most);
          for (const { name, counts } of chart.series) {
            const expected = entries.filter(([, series]) => series === name).length;
            assert.equal(
              counts.reduce((sum, count) => sum + count, 0),
              expected,
            );
            assert.ok(counts.length <= most + 1);
          }
          const first = entries.reduce((least, [time]) => Math.min(least, time), Infinity);
          assert.ok(chart.start <= first && chart.start + chart.width > first - chart.width);
        },
      ),
    );
  });

  test('stand in the bin of their time', () => {
    const bins = new TimeBins();
    const begin = Date.UTC(2026, 10, 28, 12);
    for (const minute of [0, 1, 1, 9]) bins.add(begin + minute * 60_000, 'x');
    assert.deepEqual(bins.chart(10), {
      start: begin,
      width: 60_000,
      series: [{ name: 'x', counts: [1, 2, 0, 0, 0, 0, 0, 0, 0, 1] }],
    });
  });

  test('of more series than a chart can show are put together', () => {
    const bins = new TimeBins();
    for (let at = 0; at < 40; at += 1) bins.add(1_795_867_200_000, `series ${at}`);
    const { series } = bins.chart(10);
    assert.equal(series.length, 12);
    assert.deepEqual(series.find(({ name }) => name === OTHERS)?.counts, [29]);
  });

  test('are no chart where there are none', () => {
    assert.deepEqual(new TimeBins().chart(10).series, []);
  });
});

test('a bounded table keeps what weighs most, and counts what it lets go', () => {
  const table = new BoundedTable<{ weight: number }>(100, ({ weight }) => weight);
  for (let round = 0; round < 1000; round += 1) {
    table.entry(`rare ${round}`, () => ({ weight: 0 })).weight += 1;
    for (const key of ['often', 'more often']) table.entry(key, () => ({ weight: 0 })).weight += 1;
  }
  assert.ok(table.size <= 100);
  assert.equal(table.get('often')?.weight, 1000);
  assert.equal(table.get('more often')?.weight, 1000);
  assert.equal(table.size + table.dropped, 1002);
});
