import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { reloadSocket } from '../../src/cli/extension/observation/reload-server.ts';
import { startBro } from '../support/bro.ts';
import { MAIN, place } from '../support/place.ts';

const run = (...words: readonly string[]) =>
  promisify(execFile)(process.execPath, ['--import', 'tsx', MAIN, 'reload', ...words]);

test('a configuration that changes takes effect at once when one asks for it', async (t) => {
  const [first, second] = await Promise.all([startBro(t), startBro(t)]);
  const { startExtension, configure, directory } = await place(t, { bro_endpoint: first.address, uid: 'h1' });
  const state = join(directory, 'state');
  startExtension();
  await first.announced('h1');
  // Whoever says something else is not heard.
  const stranger = createConnection({ path: reloadSocket(state) });
  stranger.on('error', () => undefined);
  stranger.write('GET / HTTP/1.1\r\n');
  await once(stranger, 'close');
  await configure({ bro_endpoint: second.address, uid: 'h1' });
  const { stdout } = await run('--state-dir', state);
  assert.match(stdout, /reads its configuration/);
  await second.announced('h1');
});

test('where no extension runs, it says so and ends with 3', async () => {
  await assert.rejects(
    run('--state-dir', '/nowhere'),
    (error: Error & { code?: unknown; stderr?: string }) => {
      assert.equal(error.code, 3);
      assert.match(error.stderr ?? '', /^no extension over \/nowhere can be asked: .*ENOENT/);
      return true;
    },
  );
});
