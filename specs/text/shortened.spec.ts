import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortened } from '../../src/text/shortened.ts';

test('a text that fits stays as it is, of a longer one the beginning stays', () => {
  assert.equal(shortened('', 3), '');
  assert.equal(shortened('abc', 3), 'abc');
  assert.equal(shortened('abcd', 3), 'abc…');
});

test('no character is cut in two, and bytes that are no text count as one each', () => {
  assert.equal(shortened('ab\u{1f600}c', 3), 'ab…');
  assert.equal(shortened('a\u{1f600}bc', 3), 'a\u{1f600}…');
  assert.equal(shortened('a\udcff\udcfeb', 3), 'a\udcff\udcfe…');
});
