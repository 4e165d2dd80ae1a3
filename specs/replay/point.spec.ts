import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isAfter, parsePoint, parseRange } from '../../src/replay/point.ts';
import { counted, formatTime, printable, quoted } from '../../src/replay/printable.ts';

const NOW = Date.UTC(2026, 10, 24, 12);
const time = (at: number) => ({ by: 'time', time: at });

describe('A moment', () => {
  for (const [text, point] of [
    ['4711', { by: 'seq', seq: 4711 }],
    ['2026-11-24', time(Date.UTC(2026, 10, 24))],
    ['2026-11-24T04:44', time(Date.UTC(2026, 10, 24, 4, 44))],
    ['2026-11-24 04:44:22.5', time(Date.UTC(2026, 10, 24, 4, 44, 22, 500))],
    ['2026-11-24T04:44:22Z', time(Date.UTC(2026, 10, 24, 4, 44, 22))],
    ['2026-11-24T04:44+02:00', time(Date.UTC(2026, 10, 24, 2, 44))],
    ['-90m', time(NOW - 90 * 60_000)],
    ['-2d', time(NOW - 2 * 86_400_000)],
    ['yesterday', null],
    ['', null],
    ['-5', null],
    ['2026-13-24', null],
  ] as const) {
    test(`is read from '${text}'`, () => assert.deepEqual(parsePoint(text, NOW), point));
  }

  test('has an end, and may be the end of a range', () => {
    assert.deepEqual(parseRange('3..-1h', NOW), { from: { by: 'seq', seq: 3 }, to: time(NOW - 3_600_000) });
    assert.deepEqual(parseRange('3..', NOW), { from: { by: 'seq', seq: 3 }, to: null });
    assert.deepEqual(parseRange('..', NOW), { from: null, to: null });
    assert.equal(parseRange('3', NOW), null);
    assert.equal(parseRange('3..x', NOW), null);
  });

  test('includes the record or the time that it names', () => {
    assert.equal(isAfter({ seq: 3, time: 0 }, { by: 'seq', seq: 3 }), false);
    assert.equal(isAfter({ seq: 4, time: 0 }, { by: 'seq', seq: 3 }), true);
    assert.equal(isAfter({ seq: 1, time: NOW }, { by: 'time', time: NOW }), false);
    assert.equal(isAfter({ seq: 1, time: NOW + 1 }, { by: 'time', time: NOW }), true);
  });
});

describe('Texts of others', () => {
  test('can do nothing to a terminal', () => {
    assert.equal(
      printable('\u001b[31mred\u0007\u009b \u202eevil \udcffbyte \ud800'),
      '\\x1b[31mred\\x07\\x9b \\u{202e}evil \\xffbyte \\u{d800}',
    );
    assert.equal(printable('Grüße 😀 <script>'), 'Grüße 😀 <script>');
  });

  test('are quoted on one line, and no longer than is good to read', () => {
    assert.equal(quoted(' SELECT\n  1\t ;'), "'SELECT 1 ;'");
    assert.equal(quoted('x'.repeat(200), 10), `'${'x'.repeat(9)}…'`);
  });

  test('numbers have their nouns, times their zone', () => {
    assert.deepEqual(
      [counted(0, 'row'), counted(1, 'row'), counted(2, 'entry')],
      ['0 rows', '1 row', '2 entries'],
    );
    assert.equal(formatTime(NOW), '2026-11-24 12:00:00.000Z');
  });
});
