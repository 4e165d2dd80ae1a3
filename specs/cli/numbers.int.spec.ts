import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startBro } from '../support/bro.ts';
import { HostProcesses } from '../support/host-processes.ts';

/** A value comes the same way however it was asked for, and whatever form osqueryd's log has. With real processes. */

/** What a value at the edge of its type arrives as; undefined: its row is refused. */
const VALUES: Readonly<Record<string, number | bigint | string | undefined>> = {
  'CAST(1.7976931348623157e308 AS DOUBLE)': Number.MAX_VALUE,
  'CAST(-1.7976931348623157e308 AS DOUBLE)': -Number.MAX_VALUE,
  'CAST(5e-324 AS DOUBLE)': 5e-324,
  'CAST(1.0 / 3 AS DOUBLE)': 0.333333333333333,
  'CAST(123456789.123456789 AS DOUBLE)': 123456789.123457,
  'CAST(1e20 AS DOUBLE)': 1e20,
  'CAST(9007199254740993 AS DOUBLE)': 9007199254740990,
  'CAST(NULL AS DOUBLE)': 0,
  'CAST(9223372036854775807 AS BIGINT)': 9223372036854775807n,
  'CAST(-9223372036854775807 - 1 AS BIGINT)': -9223372036854775808n,
  'CAST(9007199254740993 AS BIGINT)': 9007199254740993n,
  'CAST(NULL AS BIGINT)': 0n,
  '1.5 + 1': undefined,
  "'1.50'": '1.50',
  "CAST('007' AS TEXT)": '007',
  '2.5': '2.5',
};

test('a Zeek is told of a result that osqueryd cuts off at an infinite number, and other rows come', async (t) => {
  const bro = await startBro(t);
  const host = await HostProcesses.create({ bro: { bro_endpoint: bro.address, uid: 'h1' } });
  t.after(() => host.close());
  await host.startOsqueryd(['--logger_numerics=true']);
  host.startExtension();
  await bro.announced('h1');
  // No constant: of those the host knows beforehand.
  const sql = "SELECT 1 AS a, CAST(9e307 AS DOUBLE) * length('longer than ten') AS v, 2 AS z";
  bro.subscribe(sql, { interval: 1, updateType: 'SNAPSHOT' });
  const other = bro.subscribe('SELECT 1 AS a, 2 AS b', { interval: 1, updateType: 'SNAPSHOT' });
  const { text } = await bro.until('notice', (notice) => notice.text.includes('cut off'), 60_000);
  assert(text.includes('of this query') && text.includes(sql), text);
  await bro.untilRows(bro.rows(other).length + 2, other, 60_000);
});

describe('A value at the edge of its type', { concurrency: 2 }, () => {
  for (const numerics of ['false', 'true']) {
    test(`comes the same as row, as snapshot and once, with --logger_numerics=${numerics}`, async (t) => {
      const bro = await startBro(t);
      const host = await HostProcesses.create({ bro: { bro_endpoint: bro.address, uid: 'h1' } });
      t.after(() => host.close());
      await host.startOsqueryd([`--logger_numerics=${numerics}`]);
      host.startExtension();
      await bro.announced('h1');
      const asked = Object.entries(VALUES).map(([expression, wanted]) => ({
        expression,
        wanted,
        ways: [
          bro.subscribe(`SELECT ${expression} AS v`, { interval: 1, updateType: 'SNAPSHOT' }),
          bro.subscribe(`SELECT ${expression} AS v`, { interval: 1, updateType: 'ADDED' }),
          bro.execute(`SELECT ${expression} AS v`),
        ],
      }));
      const last = bro.subscribe('SELECT unix_time FROM time', { interval: 1, updateType: 'ADDED' });
      const values = (way: (typeof asked)[number]['ways'][number]) =>
        bro.rows(way).map(({ values: [value] }) => (value && 'value' in value ? value.value : undefined));
      await bro.untilHolds(
        () =>
          asked.every(
            ({ wanted, ways }) => wanted === undefined || ways.every((way) => values(way).length > 0),
          ),
        'all values have come',
        60_000,
      );
      await bro.untilRows(bro.rows(last).length + 2, last, 60_000);
      for (const { expression, wanted, ways } of asked) {
        for (const [at, way] of ways.entries()) {
          const expected = wanted === undefined ? [] : [wanted];
          assert.deepEqual([...new Set(values(way))], expected, `${expression} in way ${at}`);
        }
      }
    });
  }
});
