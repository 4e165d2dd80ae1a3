import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lookAtService } from '../../src/cli/doctor/service.ts';
import { formatStatus } from '../../src/cli/status/format.ts';
import { HostProcesses } from '../support/host-processes.ts';
import { plainClient, startNatsBro } from '../support/nats-fleet.ts';
import { noNatsServer, startNatsServer } from '../support/nats-server.ts';

describe('the extension and a stream', { skip: noNatsServer }, () => {
  test('what is wrong with the stream is in status and doctor, requests are heard meanwhile, rows come when it is back, and those too large are told to their Zeek', async (t) => {
    const server = await startNatsServer(t, { jetstream: true, config: 'max_payload: 64KB' });
    const manager = await (await plainClient(t, server)).jetstreamManager();
    const settings = { prefix: 'osquery', jetstream: 'use' as const };
    const bro = await startNatsBro(t, server, { ...settings, jetstream: 'off' });
    const host = await HostProcesses.create({
      bro: { endpoints: [{ address: server.url, nats: settings }], uid: 'h1' },
    });
    t.after(() => host.close());
    await host.startOsqueryd();
    host.startExtension();
    const held = await host.untilReported('the missing stream is told', ({ bros }) =>
      bros.some(({ streamTrouble }) => streamTrouble.includes('no stream stores rows')),
    );
    assert.equal(held.bros[0]?.state, 'linked.peered');
    assert(formatStatus(held).some((line) => line.includes('stream: ') && line.includes('no stream stores')));
    assert(lookAtService(held).some(({ level, what }) => level === 'problem' && what.includes('the stream')));

    const small = bro.subscribe('SELECT unix_time FROM time', { interval: 1, updateType: 'ADDED' });
    bro.subscribe('SELECT unix_time, hex(zeroblob(50000)) AS large FROM time', { interval: 1 });
    await host.untilReported('requests are heard', ({ subscriptions }) => subscriptions.length === 2);
    assert.deepEqual(bro.rows(small), []);
    await manager.streams.add({ name: 'ROWS', subjects: ['osquery.rows.>'] });
    await bro.untilRows(2, small);
    await host.untilReported('all is well', ({ bros }) => bros[0]?.streamTrouble === '');
    await bro.until('notice', ({ text }) => text.includes('larger than one message'), 60_000);
    await host.untilReported('it is booked as skipped', ({ delivery }) =>
      delivery.some(({ skipped }) => (skipped['unsendable'] ?? 0) > 0),
    );
  });
});
