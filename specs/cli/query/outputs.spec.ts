import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plain } from '../../../src/cli/colour.ts';
import { type Format, outputFor } from '../../../src/cli/query/outputs.ts';
import type { ResultRow } from '../../../src/cli/query/result-row.ts';
import { exitCodeOf, progressText } from '../../../src/cli/query/summary.ts';

const row = (json: string, host = 'h1'): ResultRow => ({
  host,
  hostname: host,
  at: 0,
  change: 'snapshot',
  json,
});

function lines(format: Format, rows: readonly ResultRow[]): readonly string[] {
  const output = outputFor({ format, width: () => 60, paint: plain, rawCsv: false, aggregate: undefined });
  return [...rows.flatMap((one) => output.row(one)), ...output.end('{"query":"q"}')];
}

test('CSV has the columns of all hosts', () => {
  assert.deepEqual(lines('csv', [row('{"a":1,"b":"=x"}'), row('{"a":2,"c":null}', 'h2')]), [
    'host,hostname,a,b,c',
    "h1,h1,1,'=x,",
    'h2,h2,2,,',
  ]);
});

test('what hosts say moves no cursor', () => {
  const hostile = row('{"name":"\\u001b[2J\\u202etxt","big":18446744073709551615}', 'h\u001b]0;x\u0007');
  for (const format of ['table', 'ndjson', 'json', 'csv'] as const) {
    const text = lines(format, [hostile]).join('\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f]/, format);
    if (format !== 'csv') assert.doesNotMatch(text, /\u202e/);
    assert.match(text, /18446744073709551615/, format);
  }
});

test('JSON is one object with all rows, numbers as the host wrote them', () => {
  const { rows } = JSON.parse(lines('json', [row('{"a":1}'), row('not an object')]).join(''));
  assert.deepEqual(
    rows.map(({ columns }: { columns: object }) => columns),
    [{ a: 1 }, { row: 'not an object' }],
  );
});

test('a table fits the terminal', () => {
  const wide = lines('table', [row(JSON.stringify({ one: 'x'.repeat(50), two: 'y'.repeat(50) }))]);
  assert.equal(wide.length, 2);
  for (const line of wide) assert(line.length <= 60);
});

const counts = {
  asked: 10_000,
  answered: 9_000,
  failed: 0,
  absent: 0,
  silent: 1_000,
  rows: 9,
  isAsked: true,
};

test('the bar is full only when all have answered', () => {
  const silent = progressText({ ...counts, isComplete: false }, 3);
  assert.match(silent, /^█{21}░{3} 90 % {2}10000 hosts asked: 9000 answered, 1000 silent, 9 rows, 3 s$/);
  const almost = progressText({ ...counts, answered: 9_999, silent: 1, isComplete: false }, 3);
  assert.match(almost, /░ 99 %/);
  assert.match(
    progressText({ ...counts, asked: 3, isAsked: false, isComplete: false }, 0),
    /^3 hosts asked so far/,
  );
});

test('exit codes say whether all have answered', () => {
  const code = (more: object, by: 'complete' | 'first' | 'interrupted' = 'complete') =>
    exitCodeOf({ ...counts, isComplete: true, ...more }, { by });
  assert.equal(code({ answered: 10_000, silent: 0 }), 0);
  assert.equal(code({}), 3);
  assert.equal(code({ asked: 0, answered: 0 }), 4);
  assert.equal(code({}, 'first'), 0);
  assert.equal(code({}, 'interrupted'), 130);
});
