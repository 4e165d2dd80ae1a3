import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf, javascriptPattern, linesOf, pickedFields, trimmed } from '../../src/zeek-agent/lines.ts';

test('lines end where they end, and the last need not', () => {
  assert.deepEqual(linesOf(''), []);
  assert.deepEqual(linesOf('a'), ['a']);
  assert.deepEqual(linesOf('a\n\nb\n'), ['a', '', 'b']);
  assert.equal(trimmed(' \t a b\r'), 'a b');
});

// The lines of the agent's own tests.
test('a line has fields by blanks or by a separator', () => {
  const line = '   -123   test   1.2.3.4  0 3.14   ';
  assert.deepEqual(fieldsOf(line, ''), ['-123', 'test', '1.2.3.4', '0', '3.14']);
  assert.deepEqual(pickedFields(line, { fields: [1, 2, 0, 9], separator: '' }), ['-123', 'test', line, null]);
  assert.deepEqual(pickedFields('::111:222::', { fields: [1, 2, 3, 4, 5, 6, 7], separator: ':' }), [
    ...['', '', '111', '222', '', ''],
    null,
  ]);
  assert.deepEqual(fieldsOf('', ''), []);
});

test('what is passed over may be said in the words of POSIX', () => {
  const pattern = javascriptPattern('^[[:space:]]*(#|$)');
  assert.equal(pattern, '^[\\s]*(#|$)');
  assert.equal(javascriptPattern('('), undefined);
  assert.equal(javascriptPattern('[[:nothing:]]'), '[[:nothing:]]');
});
