import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonSyntaxProblem } from '../../src/text/json-syntax.ts';

test('each mistake is named with its place, what could have stood there, and what does', () => {
  const cases: readonly [string, number, string, string][] = [
    ['', 0, 'a value', 'the end of the text'],
    ['{', 1, 'a name in double quotes or }', 'the end of the text'],
    ['{"a":1,}', 7, 'a name in double quotes', "'}'"],
    ["{'a':1}", 1, 'a name in double quotes or }', 'a single quote'],
    ['{a:1}', 1, 'a name in double quotes or }', "'a'"],
    ['{"a" 1}', 5, 'a colon', "'1'"],
    ['{"a":}', 5, 'a value', "'}'"],
    ['{"a":1 "b":2}', 7, 'a comma or }', '"b"'],
    ['{"a":1]', 6, 'a comma or }', "']'"],
    ['[1 2]', 3, 'a comma or ]', "'2'"],
    ['[1,]', 3, 'a value', "']'"],
    ['[,1]', 1, 'a value or ]', "','"],
    ['[01]', 1, 'a value or ]', "'01'"],
    ['[True]', 1, 'a value or ]', "'True'"],
    ['[1] x', 4, 'the end of the text', "'x'"],
    ['{"a":/* c */1}', 5, 'a value', "'/'"],
    ['["a\n"]', 1, 'a string that ends in a double quote', 'the end of the line'],
    ['["a', 1, 'a string that ends in a double quote', 'the end of the text'],
    ['{"password" "secret"}', 12, 'a colon', 'a string'],
    ['["a\\d"]', 3, 'a valid escape', "'\\d'"],
    ['["\\u12x4"]', 2, 'a valid escape', "'\\u'"],
    ['["a\tb"]', 3, 'an escape such as \\t', 'a control character'],
    ['\ufeff{}', 0, 'a value', "'\ufeff'"],
    [`[${'x'.repeat(40)}]`, 1, 'a value or ]', `'${'x'.repeat(30)}…'`],
  ];
  for (const [text, offset, expected, found] of cases) {
    assert.deepEqual(jsonSyntaxProblem(text), { offset, expected, found }, text);
  }
});

test('it agrees with JSON.parse on what is JSON', () => {
  const parses = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const piece = fc.constantFrom(
    ...'{}[]:,"\\/#-+.eE01 \n\t\u0001ntfub',
    'true',
    'null',
    '"a"',
    '\\u00e9',
    '1.5e3',
  );
  const damaged = fc
    .tuple(fc.json(), fc.nat(), fc.nat(2), fc.array(piece, { maxLength: 3 }))
    .map(([json, place, gone, put]) => {
      const at = place % (json.length + 1);
      return json.slice(0, at) + put.join('') + json.slice(at + gone);
    });
  const assorted = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.json(), damaged, assorted), (text) => {
      const problem = jsonSyntaxProblem(text);
      assert.equal(problem === null, parses(text));
      assert.ok(problem === null || (problem.offset >= 0 && problem.offset <= text.length));
    }),
    { numRuns: 2_000 },
  );
});

test('however deep and long a text is, it is read', () => {
  const deep = 200_000;
  assert.equal(jsonSyntaxProblem('['.repeat(deep) + ']'.repeat(deep)), null);
  assert.equal(jsonSyntaxProblem('['.repeat(deep))?.offset, deep);
  assert.equal(jsonSyntaxProblem(`["${'\\n'.repeat(deep)}"]`), null);
});
