import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeText, encodeText } from '../../src/text/byte-text.ts';
import { token, untoken } from '../../src/text/subject-token.ts';
import { arbitraryText } from '../support/arbitrary-data.ts';

test('any text is one token and comes back, byte for byte', () => {
  fc.assert(
    fc.property(fc.oneof(arbitraryText, fc.string({ unit: 'grapheme' })), (text) => {
      const escaped = token(text);
      assert.match(escaped, /^[^.*>\s\p{Cc}\p{Cs}]+$/u);
      assert.deepEqual(Buffer.from(encodeText(untoken(escaped))), Buffer.from(encodeText(text)));
    }),
  );
});

test('different texts are different tokens', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (one, other) => {
      fc.pre(Buffer.compare(one, other) !== 0);
      assert.notEqual(token(decodeText(one)), token(decodeText(other)));
    }),
  );
});

test('tokens read well where there is nothing to escape', () => {
  const cases: readonly [string, string][] = [
    ['h1', 'h1'],
    ['172.17.0.2:9999', '172%2E17%2E0%2E2:9999'],
    ['Zürich/2', 'Zürich/2'],
    ['', '%'],
    ['%', '%25'],
    ['a b*>', 'a%20b%2A%3E'],
    ['\udcff', '%FF'],
  ];
  for (const [text, escaped] of cases) {
    assert.equal(token(text), escaped);
    assert.equal(untoken(escaped), text);
  }
});
