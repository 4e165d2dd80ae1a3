import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFailure } from '../../src/cli/failure.ts';
import { EventLogError } from '../../src/event-log/event-log-error.ts';

test('an error that says what to do is printed by its message alone', () => {
  assert.equal(
    formatFailure(new EventLogError('not-found', 'there is no event log in /x')),
    'there is no event log in /x',
  );
  const missing = Object.assign(new Error("ENOENT: no such file, open '/x'"), {
    code: 'ENOENT',
    syscall: 'open',
  });
  assert.equal(formatFailure(missing), "ENOENT: no such file, open '/x'");
});

test('an internal error is printed with its stack', () => {
  assert.match(formatFailure(new TypeError('x is not a function')), /x is not a function\n +at /);
  assert.equal(formatFailure('odd'), "'odd'");
});
