import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PageRow } from '../../src/console-page/protocol.ts';
import { asCsv, asNdjson, bars, ResultSet } from '../../src/console-page/result-set.ts';

const row = (host: string, values: object, change: PageRow['change'] = 'snapshot'): PageRow => ({
  ...{ host, hostname: `web-${host}`, at: 0, change, json: JSON.stringify(values) },
});

function setOf(...rows: readonly PageRow[]): ResultSet {
  const set = new ResultSet();
  set.add(rows);
  return set;
}

test('rows are filtered by words, and sorted: NULL, numbers by size, texts', () => {
  const set = setOf(row('a', { n: 10 }), row('b', { n: 9 }), row('a', { n: null }), row('a', { n: 'x' }));
  const values = (filter: string, descending = false) =>
    set.shown(filter, { column: 'n', descending }).map(({ values: of }) => of.get('n'));
  assert.deepEqual(values(''), [null, 9, 10, 'x']);
  assert.deepEqual(values('WEB-A', true), ['x', 10, null]);
  assert.deepEqual(values('web-a 10'), [10]);
});

test('a row that is removed leaves once, and only its own host', () => {
  const set = setOf(row('a', { n: 1 }, 'added'), row('a', { n: 1 }, 'added'), row('b', { n: 1 }, 'added'));
  set.add([row('a', { n: 1 }, 'removed')]);
  assert.deepEqual(
    set.shown('', undefined).map(({ row: { host } }) => host),
    ['a', 'b'],
  );
});

test('a plot has the most frequent values, or parts of the range of many numbers', () => {
  const few = setOf(row('a', { v: 'x' }), row('b', { v: 'x' }), row('b', { v: null })).shown('', undefined);
  assert.deepEqual(bars(few, 'v'), [
    { label: 'x', rows: 2 },
    { label: 'NULL', rows: 1 },
  ]);
  const many = setOf(...Array.from({ length: 160 }, (_, v) => row('a', { v }))).shown('', undefined);
  const parts = bars(many, 'v');
  assert.equal(parts.length, 16);
  assert.equal(
    parts.reduce((sum, part) => sum + part.rows, 0),
    160,
  );
  assert.deepEqual(bars(many, 'host'), [{ label: 'web-a', rows: 160 }]);
});

test('what is saved is what is shown, with formulas defused', () => {
  const set = setOf(row('a', { name: '=1', size: 2 }));
  const rows = set.shown('', undefined);
  assert.equal(asCsv(rows, set.columns), "host,hostname,name,size\r\na,web-a,'=1,2\r\n");
  assert.deepEqual(JSON.parse(asNdjson(rows)), {
    ...{ host: 'a', hostname: 'web-a', time: '1970-01-01T00:00:00.000Z', columns: { name: '=1', size: 2 } },
  });
});
