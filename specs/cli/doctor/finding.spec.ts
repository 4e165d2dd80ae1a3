import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFindings, ok, problem, warning } from '../../../src/cli/doctor/finding.ts';

test('findings are a line each with what to do below it, and their number at the end', () => {
  assert.deepEqual(
    formatFindings([
      ok('osqueryd answers'),
      warning('the time-out is short', 'set 30'),
      problem('no\u0007Zeek', ''),
    ]),
    [
      'ok       osqueryd answers',
      'warning  the time-out is short',
      '         → set 30',
      'problem  no\\x07Zeek',
      '',
      '1 problem, 1 warning, 1 ok',
    ],
  );
  assert.equal(formatFindings([ok('a'), ok('b')]).at(-1), '0 problems, 0 warnings, 2 ok');
});

test('the number has the colour of the worst', () => {
  const last = (...findings: Parameters<typeof formatFindings>[0]) =>
    formatFindings(findings, (meaning, text) => `${meaning}:${text}`)
      .at(-1)
      ?.split(':')[0];
  assert.equal(last(ok('a')), 'good');
  assert.equal(last(ok('a'), warning('b', '')), 'trouble');
  assert.equal(last(problem('c', ''), warning('b', '')), 'bad');
});
