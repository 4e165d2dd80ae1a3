import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startBro } from '../support/bro.ts';
import { eventually } from '../support/eventually.ts';
import { served, startGateway } from '../support/gateway.ts';
import { natsDial } from '../support/nats-fleet.ts';
import { noNatsServer, startNatsServer } from '../support/nats-server.ts';
import { sampleHost } from '../support/sample-host.ts';
import { assertWhole, simulate } from '../support/simulated-fleet.ts';
import { connectHost } from '../support/spec-host.ts';

const LOAD = ['--rows-per-minute', '600', '--run-interval', '0.2', '--duration', '2'];
const AT_NATS = ['--nats-jetstream', 'use'];

describe('hosts that meet a gateway at NATS', { skip: noNatsServer, concurrency: 2 }, () => {
  // One of each form that requests and rows have.
  for (const vocabulary of ['bro-2017-01', 'zeek-osquery', 'zeek-agent-2'] as const) {
    test(`serve a Zeek that speaks ${vocabulary}`, async (t) => {
      const server = await startNatsServer(t, { jetstream: true });
      const bro = await startBro(t, { vocabulary });
      const gateway = await startGateway(t, bro.address, { nats: { servers: server.url } });
      assert.equal(served(gateway.report()), 16);
      bro.subscribe('SELECT pid, name FROM processes');
      const { report, exitCode } = await simulate([
        ...['--endpoint', server.url, '--hosts', '5', ...LOAD, ...AT_NATS],
      ]);
      assert.equal(exitCode, 0);
      assert(report.rows.created > 0);
      await eventually('all rows are there', () => gateway.report().counts.rows >= report.rows.created);
      await eventually('all are settled', () => gateway.report().nats?.under_way === 0);
      assertWhole(report, bro);
      assert.equal(gateway.report().counts.refused, 0);
    });
  }

  test('a host takes the gateway for the Zeek behind it, and reaches it as a whole, as a group, alone', async (t) => {
    const server = await startNatsServer(t, { jetstream: true });
    const bro = await startBro(t);
    const gateway = await startGateway(t, bro.address, { nats: { servers: server.url } });
    const settings = { jetstream: 'use' as const };
    const members = sampleHost({ id: 'h1', groups: ['geo/de'], endpointId: crypto.randomUUID() });
    const alone = sampleHost({ id: 'h10', groups: [], endpointId: crypto.randomUUID() });
    const first = await connectHost(
      t,
      natsDial(server.port, 'h1', settings, members.endpointId),
      'zeek-osquery',
      members,
    );
    const other = await connectHost(
      t,
      natsDial(server.port, 'h10', settings, alone.endpointId),
      'zeek-osquery',
      alone,
    );
    assert.equal(first.recorded.remote?.incarnation, bro.endpointId);
    await bro.announced('h1');
    await bro.announced('h10');
    assert.equal(gateway.report().hosts, 2);
    bro.subscribe('SELECT 1 AS a', { target: { to: 'host', host: 'h1' } });
    bro.subscribe('SELECT 2 AS a', { target: { to: 'group', group: 'geo/de' } });
    bro.subscribe('SELECT 3 AS a', { target: { to: 'all' } });
    await first.untilRequests(3);
    await other.untilRequests(1);
    assert.equal(first.requests().length, 3);
    assert.equal(other.requests().length, 1);
    await first.recorded.connection.leave();
    await eventually('it is gone', () => gateway.report().hosts === 1);
  });
});
