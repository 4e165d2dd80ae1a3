import assert from 'node:assert/strict';
import { once } from 'node:events';
import { link, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeOldSocket } from '../../../src/cli/inspect/serve-live.ts';
import { temporaryDirectory } from '../../support/event-logs.ts';

test('a stale socket is removed, a file of that name stays', async (t) => {
  const directory = await temporaryDirectory(t);
  const server = createServer().listen(join(directory, 'socket'));
  await once(server, 'listening');
  // A second name stays when the server goes, as the first does after a kill -9.
  await link(join(directory, 'socket'), join(directory, 'left-behind'));
  server.close();
  await once(server, 'close');
  assert.deepEqual(await readdir(directory), ['left-behind']);
  await removeOldSocket(join(directory, 'left-behind'));
  await removeOldSocket(join(directory, 'never-there'));
  assert.deepEqual(await readdir(directory), []);

  const file = join(directory, 'osquery.conf');
  await writeFile(file, 'of worth');
  await assert.rejects(removeOldSocket(file), /exists and is not a socket/);
  assert.equal(await readFile(file, 'utf8'), 'of worth');
});
