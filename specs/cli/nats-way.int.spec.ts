import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { plainClient, startNatsBro } from '../support/nats-fleet.ts';
import { noNatsServer, startNatsServer } from '../support/nats-server.ts';
import { joinedFlags, socketAppears, spawnStandin } from '../support/standin-process.ts';

/** From osqueryd to a Bro over NATS, with real processes: a nats-server, a stand-in osqueryd, the extension. */

const ROOT = join(import.meta.dirname, '../..');
const USERS = "SELECT uid, username FROM users WHERE username = 'root'";

async function startHost(t: TestContext, id: string, bro: object, ...flags: string[]): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'nats-way-'));
  const socket = join(directory, 'osquery.em');
  const config = join(directory, 'osquery.conf');
  await writeFile(config, JSON.stringify({ bro: { ...bro, uid: id, groups: ['servers'] } }));
  spawnStandin(t, ['--ephemeral', ...joinedFlags(directory), '--extensions_interval=1']);
  await socketAppears(socket);
  const state = join(directory, 'state');
  const extension = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      'src/cli/main.ts',
      '--socket',
      socket,
      '--timeout',
      '10',
      '--state-dir',
      state,
      ...flags,
    ],
    { stdio: 'ignore', cwd: ROOT },
  );
  const ended = once(extension, 'exit');
  t.after(async () => {
    extension.kill('SIGKILL');
    await ended;
  });
  // Behind those who write into it: hooks run in the order in which they are registered.
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
}

describe('the whole way over NATS', { skip: noNatsServer }, () => {
  for (const jetstream of ['off', 'create'] as const) {
    test(`rows of a subscription and of a one-time query, and the bus to watch (jetstream: ${jetstream})`, async (t) => {
      const server = await startNatsServer(t, { jetstream: true });
      const client = await plainClient(t, server);
      const watched = Promise.withResolvers<string>();
      client.subscribe('bro.*.peer.*.up', { callback: (_, { subject }) => watched.resolve(subject) });
      await client.flush();
      const settings = { prefix: 'fleet', jetstream };
      const bro = await startNatsBro(t, server, settings);
      const endpoint = { address: server.url, nats: settings };
      await startHost(t, 'h1', { endpoints: [endpoint] }, '--bus-nats', server.url);
      const announced = await bro.announced('h1');
      assert.deepEqual(announced.groups, ['servers']);
      const repeated = bro.subscribe(USERS, { interval: 1, target: { to: 'group', group: 'servers' } });
      const once = bro.execute(USERS, { updateType: 'SNAPSHOT' });
      const [first] = await bro.untilRows(1, repeated);
      const [second] = await bro.untilRows(1, once);
      assert.deepEqual([first?.host, first?.change, second?.change], ['h1', 'ADDED', 'SNAPSHOT']);
      assert.deepEqual(
        first?.values.map((each) => 'value' in each && each.value),
        [0n, 'root'],
      );
      const peer = `nats://127%2E0%2E0%2E1:${server.port}/fleet`;
      assert.equal(await watched.promise, `bro.h1.peer.${peer}.up`);
    });
  }
});
