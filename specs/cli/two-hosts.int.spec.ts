import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PACKAGE_VERSION } from '../../src/vocabulary/zeek-package.ts';
import { startBro } from '../support/bro.ts';
import { HostProcesses } from '../support/host-processes.ts';

/** Cloned machines, one `uid` in a template: two hosts with one id are told apart, and told. With real processes. */

test('two hosts with one id are told, and none is confirmed by the answer for the other', async (t) => {
  const bro = await startBro(t, { packageVersion: PACKAGE_VERSION });
  const hosts: HostProcesses[] = [];
  for (let n = 0; n < 2; n += 1) {
    const host = await HostProcesses.create({ bro: { bro_endpoint: bro.address, uid: 'clone' } });
    t.after(() => host.close());
    hosts.push(host);
    await host.startOsqueryd();
    host.startExtension();
    await bro.untilHolds(() => bro.of('announced').length > n, `host ${n}`, 60_000);
  }
  const told = await bro.until('duplicateHost');
  assert.equal(told.host, 'clone');
  assert.equal(new Set(told.remoteAddresses).size, 2);
  const sql = 'SELECT unix_time FROM time';
  bro.subscribe(sql, { interval: 1, updateType: 'ADDED' });
  await bro.untilHolds(
    () => new Set(bro.of('rowsSent').map(({ instanceId }) => instanceId)).size === 2,
    'both ask for acknowledgement',
    60_000,
  );
  for (const host of hosts) {
    const report = await host.untilReported('its rows are confirmed', ({ delivery }) =>
      delivery.some(({ confirmed }) => confirmed > 3),
    );
    for (const { sent, confirmed } of report.delivery) assert.ok(confirmed <= sent);
  }
});
