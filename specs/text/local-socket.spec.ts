import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPipe, localSocket } from '../../src/text/local-socket.ts';

test('a named pipe is distinguished from a file by its path, whatever slashes and case it has', () => {
  for (const path of ['\\\\.\\pipe\\osquery.em', '\\\\?\\PIPE\\x', '//./pipe/x'])
    assert.ok(isPipe(path), path);
  for (const path of ['/var/osquery/osquery.em', 'C:\\pipe\\x', '\\\\server\\pipe\\x', 'pipe', ''])
    assert.ok(!isPipe(path), path);
});

test('a program listens in its directory, on Windows on a pipe of its own for each directory', () => {
  assert.equal(
    localSocket('/var/osquery/bro-osquery', 'status', 'linux'),
    '/var/osquery/bro-osquery/status.sock',
  );
  const pipe = localSocket('C:\\Program Files\\osquery\\bro-osquery', 'status', 'win32');
  assert.ok(isPipe(pipe));
  assert.equal(localSocket('c:/program files/osquery/bro-osquery/', 'status', 'win32'), pipe);
  assert.notEqual(localSocket('C:\\other', 'status', 'win32'), pipe);
  assert.notEqual(localSocket('C:\\Program Files\\osquery\\bro-osquery', 'reload', 'win32'), pipe);
  // Windows takes 256 characters.
  assert.ok(localSocket('C:\\'.padEnd(5_000, 'x'), 'status', 'win32').length < 256);
});
