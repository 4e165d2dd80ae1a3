import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { browserTest, untilSeen } from '../../support/browser.ts';

const MAIN = join(import.meta.dirname, '../../../src/cli/main.ts');
/** Three programs start from their sources. */
const PATIENCE = 60_000;

browserTest(
  'the sandbox shows machines, schedule and rows at work, and leaves nothing behind',
  async (t, page, faults) => {
    const temporary = mkdtempSync(join(tmpdir(), 'inspect-sandbox-'));
    const flags = ['inspect', '--sandbox', '--show-rows', '--listen', '127.0.0.1:0'];
    const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...flags], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, TMPDIR: temporary },
    });
    const ended = once(child, 'exit');
    t.after(() => {
      child.kill('SIGKILL');
      rmSync(temporary, { recursive: true, force: true });
    });
    const [printed] = await once(child.stdout, 'data', { signal: AbortSignal.timeout(PATIENCE) });
    const address = String(printed).trim();
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+\/$/);

    await page.goto(address);
    await page.click('[data-actor^="peer:"]', { timeout: PATIENCE });
    await page.waitForSelector('[data-state="bro-peer.link.linked.peered"].active', { timeout: PATIENCE });
    const users = '.subscriptions tr:has-text("SELECT uid, username FROM users")';
    await untilSeen(page, `${users} .open-rows`, (text) => Number(text) >= 1, 'a count of rows', PATIENCE);
    await page.click(`${users} .open-rows`);
    await page.waitForSelector('.latest-rows td:text-is("root")');
    assert.deepEqual(
      faults.filter((fault) => !fault.includes('WebSocket')),
      [],
    );

    child.kill('SIGINT');
    assert.deepEqual(await ended, [0, null]);
    const left = readdirSync(temporary).filter((name) => name.startsWith('bro-osquery'));
    assert.deepEqual(left, []);
  },
);
