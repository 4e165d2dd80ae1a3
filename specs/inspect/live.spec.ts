import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parseInspectAddress } from '../../src/cli/inspect/address.ts';
import { relayTo } from '../../src/cli/inspect/relay.ts';
import { startBro } from '../support/bro.ts';
import { browserTest, untilSeen } from '../support/browser.ts';
import { serveConversation } from '../support/inspected.ts';
import { socketAppears, spawnStandin } from '../support/standin-process.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A stand-in osqueryd and the extension, which is to reach that Bro; resolves with the socket of its inspection. */
async function startHost(t: TestContext, endpoint: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'inspect-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const [socket, config, look] = ['osquery.em', 'osquery.conf', 'look.sock'].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  await writeFile(config, JSON.stringify({ bro: { endpoints: [endpoint], uid: 'h1' } }));
  spawnStandin(t, [
    '--ephemeral',
    `--extensions_socket=${socket}`,
    '--config_plugin=filesystem',
    `--config_path=${config}`,
    '--logger_plugin=bro,filesystem',
    `--logger_path=${directory}`,
    '--extensions_timeout=30',
    '--extensions_require=bro-osquery',
    '--logger_event_type=false',
  ]);
  await socketAppears(socket);
  const child = spawn(
    process.execPath,
    [
      ...['--import', 'tsx', join(ROOT, 'src/cli/main.ts'), '--socket', socket, '--timeout', '10'],
      ...['--state-dir', join(directory, 'state'), '--inspect', look],
    ],
    { stdio: 'ignore', cwd: ROOT },
  );
  t.after(async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  });
  await socketAppears(look);
  return look;
}

browserTest(
  'the page shows a Zeek being reached, its subscription, and the back-off with its countdown once it is killed',
  async (t, page, faults) => {
    const early = await startBro(t);
    await early.kill();
    const look = await startHost(t, early.address);
    assert.equal((await stat(look)).mode & 0o777, 0o600);
    const { socketUrl } = parseInspectAddress(look) ?? assert.fail('no address');
    await page.goto(await serveConversation(t, relayTo(socketUrl, '')));
    const lit = (state: string) => page.waitForSelector(`[data-state="bro-peer.${state}"].active`);
    await page.click('[data-actor^="peer:"]');
    await lit('link.backingOff');

    const bro = await startBro(t, { port: early.port });
    await lit('link.linked.peered');
    await page.waitForSelector('.edge-label.taken:has-text("connection.up")');
    const sql = "SELECT uid, username FROM users WHERE username = 'root'";
    const subscription = bro.subscribe(sql, { interval: 1 });
    await page.waitForSelector(`.subscriptions code:text-is("${sql}")`);
    await bro.untilRows(1, subscription);
    await untilSeen(
      page,
      '.subscriptions tbody td:last-child',
      (text) => Number(text) >= 1,
      'a count of rows',
    );
    await page.fill('input[type="search"]', 'peer.*.request');
    await page.waitForSelector('.message .label:text-is("peer.request")');
    assert.equal(await page.locator('.message .label:text-is("peer.up")').count(), 0);

    await bro.kill();
    await lit('link.backingOff');
    await page.waitForSelector('.countdown:has-text("next attempt in")');
    await page.waitForSelector('.log .fact:has-text("is gone")');
    assert.deepEqual(faults, []);
  },
);
