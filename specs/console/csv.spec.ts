import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { csvLine } from '../../src/console/csv.ts';

test('texts that a spreadsheet would run are defused, and numbers are not', () => {
  const formulas = ['=1+2', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\uff1d1', ' =cmd|calc'];
  for (const formula of formulas) assert.match(csvLine([formula]), /^"?'/, JSON.stringify(formula));
  assert.equal(
    csvLine([-1, 2.5, 18446744073709551615n, null, 'plain', undefined]),
    '-1,2.5,18446744073709551615,,plain,',
  );
  assert.equal(csvLine(['=1'], true), '=1');
});

test('quotes, commas and line breaks stay, other control characters are written out', () => {
  assert.equal(
    csvLine(['a"b', 'a,b', 'a\nb', 'a\u001b[31mb', 'a\u0000b']),
    '"a""b","a,b","a\nb",a\\x1b[31mb,a\\x00b',
  );
});

test('no text at all begins as a formula does', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const cell = csvLine([text]).replace(/^"/, '');
      assert.doesNotMatch(cell, /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/);
    }),
  );
});
