import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeText, encodeText, textByteLength } from '../../src/text/byte-text.ts';

test('any bytes survive being text, also through JSON', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text: string = JSON.parse(JSON.stringify(decodeText(bytes)));
      assert.deepEqual(Buffer.from(encodeText(text)), Buffer.from(bytes));
      assert.equal(textByteLength(text), bytes.length);
    }),
  );
});

test('well-formed text is plain UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.deepEqual(Buffer.from(encodeText(text)), Buffer.from(text, 'utf8'));
      assert.equal(decodeText(Buffer.from(text, 'utf8')), text);
    }),
  );
});

test('each byte that is no UTF-8 is one escape, its neighbours stay as they are', () => {
  const cases: readonly [string, string][] = [
    ['61ff62', 'a\udcffb'],
    ['c3', '\udcc3'],
    ['eda080', '\udced\udca0\udc80'],
    ['c0af', '\udcc0\udcaf'],
    ['f09f98', '\udcf0\udc9f\udc98'],
    ['f09f9880ff', '😀\udcff'],
    ['efbbbf61', '\ufeffa'],
  ];
  for (const [hex, text] of cases) {
    assert.equal(decodeText(Buffer.from(hex, 'hex')), text, hex);
    assert.equal(Buffer.from(encodeText(text)).toString('hex'), hex);
  }
});

test('a surrogate that is no escaped byte becomes the replacement character', () => {
  assert.equal(Buffer.from(encodeText('a\ud800b')).toString(), 'a\ufffdb');
});
