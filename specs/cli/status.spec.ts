import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { accountError } from '../../src/delivery/accounting.ts';
import { startBro } from '../support/bro.ts';
import { place, until } from '../support/place.ts';

const root = join(import.meta.dirname, '../..');

async function status(...flags: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'src/cli/main.ts', 'status', ...flags],
      { cwd: root },
    );
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

test('a running extension tells how it is doing, to people, programs and Prometheus', async (t) => {
  const bro = await startBro(t);
  const { startExtension, directory } = await place(t, { bro_endpoint: bro.address, uid: 'h1' });
  const { log } = startExtension('--metrics', '127.0.0.1:0');
  await bro.announced('h1');
  const users = bro.subscribe('SELECT uid FROM users WHERE uid = 0', { interval: 1 });
  await bro.untilRows(1, users);
  const state = join(directory, 'state');
  await until('the row is confirmed', async () => {
    const { delivery } = JSON.parse((await status('--state-dir', state, '--json')).out);
    return delivery[0]?.confirmed === 1;
  });
  const report = JSON.parse((await status('--state-dir', state, '--json')).out);
  assert.equal(report.osquery.state, 'registered.inStep');
  assert.deepEqual(
    report.bros.map((one: { peer: string; state: string; subscriptions: number }) => [
      one.peer,
      one.state,
      one.subscriptions,
    ]),
    [[bro.address, 'linked.peered', 1]],
  );
  for (const account of report.delivery) assert.equal(accountError(account), undefined);
  const words = await status('--state-dir', state);
  assert.equal(words.code, 0);
  assert.match(words.out, /^osquery {4}registered\.inStep$/m);
  assert.match(words.out, /linked\.peered \(tls-anonymous\) for \d+ s/);
  const [, address = ''] = /serves metrics on (http:[^"]+)/.exec(log()) ?? [];
  const metrics = await (await fetch(address)).text();
  assert.match(metrics, /^bro_osquery_osquery_registered 1$/m);
  assert.match(metrics, /^bro_osquery_rows\{zeek="127\.0\.0\.1:\d+",state="confirmed"\} 1$/m);
  assert.match(metrics, /^bro_osquery_nodejs_eventloop_lag_seconds /m);
  assert.equal((await fetch(address.replace('/metrics', '/other'))).status, 404);
});

test('where no extension runs the status says so, with an exit code of its own', async () => {
  const { code, out, err } = await status('--state-dir', '/nowhere/at/all');
  assert.equal(code, 3);
  assert.equal(out, '');
  assert.match(err, /^no extension runs over \/nowhere\/at\/all: /);
});
