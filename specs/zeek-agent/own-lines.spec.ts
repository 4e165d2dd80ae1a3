import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMalformed } from '../../src/osquery/log-item.ts';
import { LogReader } from '../../src/osquery/log-reader.ts';
import { encodeText } from '../../src/text/byte-text.ts';
import { changesBetween, differenceLine, snapshotLine } from '../../src/zeek-agent/own-lines.ts';

const RUN = { name: 'bro_1', hostIdentifier: 'h', unixTime: 1_795_496_058, counter: 3 };

function itemOf(line: string) {
  const reader = new LogReader(encodeText(line), 'lines');
  reader.advance();
  const [item] = reader.items;
  assert.ok(item && !isMalformed(item));
  return item;
}

test('changes count how often a row is there', () => {
  const [a, b, c] = [
    { x: '1', y: '2' },
    { y: '2', x: '1' },
    { x: '3', y: '' },
  ];
  assert.deepEqual(changesBetween([a], [b]), { removed: [], added: [] });
  assert.deepEqual(changesBetween([a, a, c], [b]), { removed: [a, c], added: [] });
  assert.deepEqual(changesBetween([a], [b, a, c]), { removed: [], added: [a, c] });
  assert.deepEqual(changesBetween([], [c]), { removed: [], added: [c] });
});

test('a line of ours is read as one of osquery, and what looks like its escapes stays as it is', () => {
  const row = { content: 'a \\x0A b \\xFF', byte: 'x\udcff' };
  const item = itemOf(differenceLine(RUN, { removed: [{ content: 'old' }], added: [row] }));
  assert.deepEqual([item.name, item.counter, item.unixTime, item.rowCount], ['bro_1', 3, 1_795_496_058, 2]);
  assert.deepEqual(item.row(0), { change: 'REMOVED', columns: { content: 'old' } });
  assert.deepEqual(item.row(1), { change: 'ADDED', columns: row });
  const whole = itemOf(snapshotLine({ ...RUN, counter: 0 }, [row]));
  assert.deepEqual(whole.row(0), { change: 'SNAPSHOT', columns: row });
  assert.match(snapshotLine(RUN, []), /"calendarTime":"Tue Nov 24 04:54:18 2026 UTC"/);
});
