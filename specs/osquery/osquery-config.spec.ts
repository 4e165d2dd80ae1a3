import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigTextError, parseConfigText, stripComments } from '../../src/osquery/osquery-config.ts';

test('lines that are comments go, comments elsewhere stay', () => {
  const text = '{\n  # one\n\t// two\n  "a": "x # y", // no comment\n  "b": "http://z"\n}';
  assert.equal(stripComments(text), '{\n"a": "x # y", // no comment\n"b": "http://z"\n}');
});

test('a line that ends in a backslash goes on in the next', () => {
  assert.deepEqual(
    parseConfigText('{"query": "SELECT * \\\nFROM time"}'),
    new Map([['query', 'SELECT * FROM time']]),
  );
});

test('what osquery refuses is refused, with the place', () => {
  const nested = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  const cases: readonly [string, string, string][] = [
    [
      '',
      'not_json',
      'the configuration is not valid JSON: line 1, column 1: expected a value, got the end of the text',
    ],
    ['[]', 'not_object', 'the configuration is not a JSON object'],
    ['null', 'not_object', 'the configuration is not a JSON object'],
    [
      nested(32),
      'too_deep',
      'the configuration has more than 32 levels of objects and lists, which osquery refuses',
    ],
    [
      `{"a":"${'é'.repeat(524_288)}"}`,
      'too_large',
      'the configuration has 1048584 bytes without its comments, osquery accepts 1048576',
    ],
  ];
  for (const [text, code, message] of cases) {
    assert.throws(
      () => parseConfigText(text),
      (error) => error instanceof ConfigTextError && error.code === code && error.message === message,
      code,
    );
  }
  for (const text of ['{"a":1,}', '{"a":1} x', '{/* c */}', "{'a':1}"]) {
    assert.throws(() => parseConfigText(text), { code: 'not_json' }, text);
  }
  assert.equal(parseConfigText(nested(31)).size, 1);
  const full = `{"a":"${'x'.repeat(1024 * 1024 - 8)}"}`;
  assert.equal(parseConfigText(`# a comment counts nothing\n${full}`).size, 1);
});

test('the place of a mistake is that in the text as it was written, comments and all', () => {
  const places: readonly [string, string][] = [
    ['{\n  # a comment\n  "a": 1\n  "b": 2\n}', 'line 4, column 3: expected a comma or }, got "b"'],
    ['{"q": "SELECT \\\n  1" 2}', "line 2, column 6: expected a comma or }, got '2'"],
    ['{"q": 1, \\\n\\\n "r" 2}', "line 3, column 6: expected a colon, got '2'"],
    [
      '  { "a": 1,  \r\n  }\r\n',
      "line 2, column 3: expected a name in double quotes, got '}'; the last one has no comma behind it",
    ],
    ['{"a": 1', 'line 1, column 8: expected a comma or }, got the end of the text'],
    ['{"a": 1\n# the end', 'line 1, column 8: expected a comma or }, got the end of the text'],
    [
      '{"a": 1, // why\n"b": 2}',
      "line 1, column 10: expected a name in double quotes, got '/'; a comment begins with # or // and has its line to itself",
    ],
    ['{"a": 1}\\', "line 1, column 9: expected the end of the text, got '\\'"],
  ];
  for (const [text, place] of places) {
    assert.throws(
      () => parseConfigText(text),
      { message: `the configuration is not valid JSON: ${place}` },
      text,
    );
  }
});

test('what osquery reads otherwise than JSON.parse is read so', () => {
  const members = (text: string) => Object.fromEntries(parseConfigText(text));
  // Tried with osqueryd --config_check of 5.23.1.
  assert.deepEqual(members('{"a":1}\0and more'), { a: 1 });
  assert.deepEqual(members('# \0\n{"a":"\\ud83d\\ude00"}'), { a: '\u{1f600}' });
  assert.deepEqual(members('\v{"a":1e-999}'), { a: 0 });
  for (const text of ['{"a":"x\0y"}', '{"a":1e309}', '{"a":"\\ud800"}', '\u00a0{"a":1}', '\ufeff{"a":1}']) {
    assert.throws(() => members(text), ConfigTextError, JSON.stringify(text));
  }
});
