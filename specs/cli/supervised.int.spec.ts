import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { startBro } from '../support/bro.ts';
import { HostProcesses } from '../support/host-processes.ts';

/** An extension that is started by another supervisor than osqueryd. With real processes. */

const ROOT = join(import.meta.dirname, '../..');

test('it waits for the next osqueryd when osqueryd restarts, and serves on', async (t) => {
  const bro = await startBro(t);
  const host = await HostProcesses.create({ bro: { bro_endpoint: bro.address, uid: 'h1' } });
  t.after(() => host.close());
  await host.startOsqueryd();
  host.startExtension();
  const clock = bro.subscribe('SELECT unix_time FROM time', { interval: 1, updateType: 'ADDED' });
  await bro.untilRows(1, clock);
  const { pid } = await host.untilReported('it is registered', ({ osquery }) =>
    osquery.state.startsWith('registered'),
  );
  host.signal('osqueryd', 'SIGTERM');
  await host.untilReported('osqueryd is gone', ({ osquery }) => osquery.state.startsWith('detached'));
  await host.startOsqueryd();
  const report = await host.untilReported('it is registered again', ({ osquery }) =>
    osquery.state.startsWith('registered'),
  );
  assert.equal(report.pid, pid);
  await bro.untilRows(bro.rows(clock).length + 2, clock);
});

test('a socket whose path is too long ends it with 1 and the reason', () => {
  const socket = `/tmp/${'x'.repeat(120)}/osquery.em`;
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'src/cli/main.ts', 'extension', '--socket', socket],
    { cwd: ROOT, encoding: 'utf8', timeout: 60_000 },
  );
  assert.equal(status, 1);
  assert.match(stderr, /^error: the path of osquery's socket has 136 bytes, a unix socket allows 97 here/);
});
