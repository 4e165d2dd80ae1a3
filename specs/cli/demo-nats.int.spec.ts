import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { noNatsServer } from '../support/nats-server.ts';

test('bro-osquery demo-nats shows three hosts that lose nothing to a server that dies', {
  skip: noNatsServer,
}, async () => {
  const main = join(import.meta.dirname, '../../src/cli/main.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', main, 'demo-nats'], {
    cwd: join(import.meta.dirname, '../..'),
    env: { ...process.env, OSQUERYD: '' },
    timeout: 150_000,
  });
  for (const host of ['alpha', 'beta', 'gamma']) {
    assert.match(
      stdout,
      new RegExp(`Host ${host} has reconnected and delivered the [1-9]\\d* rows of the outage`),
    );
    assert.match(stdout, new RegExp(`${host}: osquery logged \\d+ rows, all arrived, none twice\\.`));
  }
  assert.match(stdout, /every row arrived\.\n$/);
});
