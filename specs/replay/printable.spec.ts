import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { createDemoOutput } from '../../src/cli/demo/demo-output.ts';
import { printable, printableJson, printableLines } from '../../src/replay/printable.ts';

/** Moves the cursor, clears, colours (also as one character), turns the writing round, hides, is no text. */
const HOSTILE = 'a\u001b[2J\u009b31m\u202eb\u200bc\udcff\rd\u007f';
const SHOWN = 'a\\x1b[2J\\x9b31m\\u{202e}b\\u{200b}c\\xff\\x0dd\\x7f';

test('what could do something to a terminal is written out', () => {
  assert.equal(printable(HOSTILE), SHOWN);
  assert.equal(printable('two\nlines'), 'two\\x0alines');
  assert.equal(printableLines(`two\n${HOSTILE}`), `two\n${SHOWN}`);
});

test('JSON keeps its meaning, and nothing in it can do something to a terminal', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constant(HOSTILE)), (text) => {
      const json = printableJson(JSON.stringify({ [text]: text }));
      assert.equal(printable(json), json);
      assert.deepEqual(JSON.parse(json), { [text]: text });
    }),
  );
});

test("the demo's output shows what others said as text alone", () => {
  const out = new PassThrough({ encoding: 'utf8' });
  const output = createDemoOutput(out, false);
  for (const print of [output.line, output.detail, output.success, output.failure]) print(HOSTILE);
  output.row({ event: 'e', update: 'ADDED', columns: [{ name: HOSTILE, value: HOSTILE }] });
  const row = `ADDED    ${SHOWN}=${SHOWN}`;
  assert.equal(out.read(), `     ${SHOWN}\n     ${SHOWN}\n\n${SHOWN}\n\n${SHOWN}\n     ${row}\n`);
});
