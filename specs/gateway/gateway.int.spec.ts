import assert from 'node:assert/strict';
import { test } from 'node:test';
import { none, string, vector } from '../../src/broker/data.ts';
import { VOCABULARY_IDS } from '../../src/vocabulary/model.ts';
import { startBro } from '../support/bro.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/gateway.ts';
import { startProxy } from '../support/proxy.ts';
import { startRawZeek } from '../support/raw-zeek.ts';
import { sampleHost } from '../support/sample-host.ts';
import { assertWhole, simulate } from '../support/simulated-fleet.ts';
import { connectHost } from '../support/spec-host.ts';

const LOAD = ['--rows-per-minute', '600', '--run-interval', '0.2', '--duration', '2'];

for (const vocabulary of VOCABULARY_IDS) {
  for (const transport of ['native', 'websocket'] as const) {
    // Hosts can't tell V1's Zeeks from V2's where the Zeek's filter is not known.
    const config = transport === 'websocket' ? { vocabularies: [vocabulary] } : {};
    test(`hosts behind a gateway serve a Zeek that speaks ${vocabulary} over ${transport}`, async (t) => {
      const bro = await startBro(t, { vocabulary, transport });
      const gateway = await startGateway(t, bro.address, config);
      bro.subscribe('SELECT pid, name FROM processes');
      const { report, exitCode } = await simulate([
        ...['--endpoint', gateway.address, '--hosts', '5', ...LOAD],
        ...(transport === 'websocket' ? ['--vocabulary', vocabulary] : []),
      ]);
      assert.equal(exitCode, 0);
      assert(report.rows.created > 0);
      assertWhole(report, bro);
      assert.equal(gateway.report().counts.refused, 0);
      assert.equal(gateway.report().counts.rows, report.rows.sent);
      assert.deepEqual(gateway.audited.map(({ request, sql }) => [request, sql])[0], [
        'subscribe',
        'SELECT pid, name FROM processes',
      ]);
    });
  }
}

test('a host takes the gateway for the Zeek behind it, and reaches it as a whole, as a group, alone', async (t) => {
  const bro = await startBro(t);
  const gateway = await startGateway(t, bro.address);
  const members = sampleHost({ id: 'h1', groups: ['geo/de'], endpointId: crypto.randomUUID() });
  const alone = sampleHost({ id: 'h10', groups: [], endpointId: crypto.randomUUID() });
  const first = await connectHost(t, gateway.port, 'zeek-osquery', members);
  const other = await connectHost(t, gateway.port, 'zeek-osquery', alone);
  assert.equal(first.recorded.remote?.incarnation, bro.endpointId);
  await bro.announced('h1');
  await bro.announced('h10');
  bro.subscribe('SELECT 1 AS a', { target: { to: 'host', host: 'h1' } });
  bro.subscribe('SELECT 2 AS a', { target: { to: 'group', group: 'geo/de' } });
  bro.subscribe('SELECT 3 AS a', { target: { to: 'all' } });
  await first.untilRequests(3);
  await other.untilRequests(1);
  assert.equal(first.requests().length, 3);
  assert.equal(other.requests().length, 1);
  // Broker's filters are prefixes: what is for h10 begins with what h1 listens on.
  bro.bro.publish(bro.bro.topicOf({ to: 'host', host: 'h10' }), { name: 'spec::only', args: [] });
  await other.recorded.until(({ events }) => events.some(({ event }) => event.name === 'spec::only'));
  assert(!first.recorded.events.some(({ event }) => event.name === 'spec::only'));
});

test("a host's rows are confirmed to it when the Zeek has confirmed them, not before", async (t) => {
  const bro = await startBro(t);
  const proxy = await startProxy(bro.port);
  t.after(() => proxy.close());
  const gateway = await startGateway(t, `broker://127.0.0.1:${proxy.port}`);
  const host = await connectHost(t, gateway.port, 'zeek-osquery', sampleHost());
  await host.recorded.connection.confirm();
  proxy.mode = 'stall';
  await host.announce();
  let isConfirmed = false;
  const confirmed = host.recorded.connection.confirm().then(() => {
    isConfirmed = true;
  });
  const before = bro.of('announced').length;
  await eventually('the gateway has passed it on', () => gateway.report().unconfirmed_bytes > 0);
  assert.equal(isConfirmed, false);
  assert.equal(bro.of('announced').length, before);
  proxy.mode = 'forward';
  await confirmed;
  assert(bro.of('announced').length > before);
});

test('a gateway that loses its Zeek sends its hosts away, and lets them in again when it is back', async (t) => {
  const bro = await startBro(t);
  const gateway = await startGateway(t, bro.address);
  const host = await connectHost(t, gateway.port, 'zeek-osquery', sampleHost());
  await bro.announced();
  await bro.kill();
  await host.recorded.closing();
  await eventually('the port is closed', () => gateway.report().port === null);
  const next = await startBro(t, { port: bro.port });
  await eventually('the port is open again', () => gateway.report().port === gateway.port);
  const again = await connectHost(t, gateway.port, 'zeek-osquery', sampleHost());
  await next.announced();
  assert.equal(again.recorded.remote?.incarnation, next.endpointId);
});

test('where one way to the Zeek is gone the next is taken', async (t) => {
  const bro = await startBro(t);
  const gateway = await startGateway(t, ['broker://127.0.0.1:1', bro.address]);
  assert.equal(gateway.report().zeek.way, 1);
  await connectHost(t, gateway.port, 'zeek-osquery', sampleHost());
  await bro.announced();
});

test('nothing is lost, and the order holds, when Zeek and gateway die under load', async (t) => {
  const bro = await startBro(t, { packageVersion: '1.0.0' });
  const gateway = await startGateway(t, bro.address);
  bro.subscribe('SELECT pid, name FROM processes');
  const running = simulate([
    ...[
      '--endpoint',
      gateway.address,
      '--hosts',
      '20',
      '--rows-per-minute',
      '3000',
      '--run-interval',
      '0.2',
      '--duration',
      '6',
    ],
    ...['--drain', '60'],
  ]);
  await bro.untilRows(200);
  await bro.kill();
  // The same endpoint id: where hosts send rows to is a topic made of it.
  const { port, endpointId } = bro;
  const next = await startBro(t, { port, endpointId, packageVersion: '1.0.0' });
  next.subscribe('SELECT pid, name FROM processes');
  await next.untilRows(200, undefined, 60_000);
  await gateway.drain();
  await startGateway(t, bro.address, { listen: gateway.address });
  const { report, exitCode } = await running;
  assert.equal(exitCode, 0);
  assert(report.hosts.reconnects >= 20);
  assertWhole(report, bro, next);
});

test('scripts that know of no gateway learn by an event of Broker that a host behind it is lost', async (t) => {
  const zeek = await startRawZeek(t, ['/bro/osquery/host_announce']);
  const gateway = await startGateway(t, zeek.address);
  const host = await connectHost(t, gateway.port, 'zeek-osquery', sampleHost());
  await zeek.until('osquery::hosts::host_new');
  host.recorded.connection.destroy();
  const [endpoint] = (await zeek.until('Broker::peer_lost')).args;
  assert.deepEqual(endpoint, vector([string(sampleHost().endpointId), none]));
});

test('a host of zeek-agent that is lost is said to have ended', async (t) => {
  const zeek = await startRawZeek(t, ['/zeek-agent/response/all/']);
  const gateway = await startGateway(t, zeek.address);
  const host = await connectHost(t, gateway.port, 'zeek-agent-2', sampleHost());
  await zeek.until('ZeekAgentAPI::agent_hello_v1');
  host.recorded.connection.destroy();
  await zeek.until('ZeekAgentAPI::agent_shutdown_v1');
});
