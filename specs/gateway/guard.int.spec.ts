import assert from 'node:assert/strict';
import { test } from 'node:test';
import { count, enumValue, string, timestamp, vector } from '../../src/broker/data.ts';
import { connectTcp } from '../../src/broker/tcp-connection.ts';
import type { ZeekEvent } from '../../src/broker/zeek-event.ts';
import { startBro } from '../support/bro.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/gateway.ts';
import { startRawZeek } from '../support/raw-zeek.ts';
import { recordHandlers } from '../support/recorded-connection.ts';
import { sampleHost } from '../support/sample-host.ts';
import { connectHost } from '../support/spec-host.ts';
import { certified } from '../support/tls-fixtures.ts';

const ANNOUNCE = '/bro/osquery/host_announce';
const LIAR = sampleHost({ id: 'liar', endpointId: crypto.randomUUID() });
const VICTIM = sampleHost({ id: 'victim', endpointId: crypto.randomUUID() });

const info = (host: string) => vector([string(host), enumValue('osquery::ADD'), string('')]);

/** What a host has no business to say. */
const LIES: readonly (readonly [string, ZeekEvent])[] = [
  [
    'that another host is there',
    { name: 'osquery::hosts::host_new', args: [string(LIAR.endpointId), string('victim'), vector([])] },
  ],
  [
    'that its endpoint is that of another',
    { name: 'osquery::hosts::host_new', args: [string(VICTIM.endpointId), string('liar'), vector([])] },
  ],
  ['an error of another host', { name: 'osquery::host_error', args: [string('victim'), string('x')] }],
  ['that another host ends', { name: 'osquery::hosts::host_farewell', args: [string('victim')] }],
  [
    'that rows of another host have been sent',
    { name: 'osquery::hosts::host_rows_sent', args: [string('victim'), count(9)] },
  ],
  ['a row of another host', { name: 'asked::row', args: [info('victim'), string('x')] }],
  [
    'a row of another host in the form of V1',
    { name: 'asked::row', args: [string('victim'), string('ADDED')] },
  ],
  [
    'a row of another host in the form of V5',
    { name: 'asked::row', args: [vector([string('victim'), timestamp(0n)]), vector([])] },
  ],
  [
    'a row as an event that nobody asked for',
    { name: 'Config::set_value', args: [info('liar'), string('x')] },
  ],
  [
    'an event of Zeek itself',
    { name: 'Broker::peer_lost', args: [vector([string(VICTIM.endpointId)]), string('x')] },
  ],
  ['an event with no arguments', { name: 'zeek_done', args: [] }],
  [
    'hello in the name of another',
    {
      name: 'ZeekAgentAPI::agent_hello_v1',
      args: [vector([string('liar'), timestamp(0n)]), vector([string('victim')])],
    },
  ],
  [
    'what a gateway says',
    {
      name: 'osquery::gateways::gateway_lost_v1',
      args: [string('spec-gateway'), string('victim'), string(''), string('')],
    },
  ],
  [
    'a request to a host',
    { name: 'osquery::hosts::host_execute', args: ['e', 'SELECT 1', '', '', 'ADDED'].map(string) },
  ],
];

test('nothing of what a host has no business to say reaches the Zeek', async (t) => {
  const zeek = await startRawZeek(t);
  const gateway = await startGateway(t, zeek.address);
  const liar = await connectHost(t, gateway.port, 'zeek-osquery', LIAR);
  await zeek.until('osquery::hosts::host_new');
  await zeek.publish('/bro/osquery/hosts', {
    name: 'osquery::hosts::host_subscribe',
    args: [...['asked::row', 'SELECT 1 AS a', '', '/bro/osquery/bro/x', 'BOTH'].map(string), count(10)],
  });
  await liar.untilRequests(1);
  const before = zeek.events.length;
  for (const [, event] of LIES) {
    await liar.send({ topic: ANNOUNCE, event });
    // In a batch, beside what is true.
    const truth = { name: 'asked::row', args: [info('liar'), string('true')] };
    await liar.recorded.connection.send('/bro/osquery/bro/x', [truth, event, truth]);
  }
  await eventually('the lies are judged', () => zeek.events.length >= before + LIES.length * 2, 60_000);
  await liar.recorded.connection.confirm().catch(() => {});
  const came = zeek.events.slice(before).map(({ event }) => event);
  assert.deepEqual(
    came.map(({ name, args }) => [name, args[1]]),
    Array.from({ length: LIES.length * 2 }, () => ['asked::row', string('true')]),
  );
  assert(gateway.report().counts.refused >= LIES.length * 2);
});

test('a topic that is none of the vocabularies is refused', async (t) => {
  const zeek = await startRawZeek(t, ['/']);
  const gateway = await startGateway(t, zeek.address);
  const liar = await connectHost(t, gateway.port, 'zeek-osquery', LIAR);
  await zeek.until('osquery::hosts::host_new');
  await liar.send({
    topic: '/zeek/cluster/manager',
    event: { name: 'osquery::host_log', args: [string('liar'), string('x')] },
  });
  await eventually('it is refused', () => gateway.report().counts.refused > 0);
  assert(!zeek.events.some(({ topic }) => topic.startsWith('/zeek/')));
});

test('a host does not get the requests to another', async (t) => {
  const bro = await startBro(t);
  const gateway = await startGateway(t, bro.address);
  const recorded = recordHandlers();
  const filter = [
    '/bro/osquery/hosts',
    '/bro/osquery/host/liar',
    '/bro/osquery/',
    '',
    '/zeek-agent/query/group/victim/all',
  ];
  const connection = connectTcp(
    { host: '127.0.0.1', port: gateway.port, security: 'plain', endpointId: LIAR.endpointId, filter },
    recorded.handlers,
  );
  recorded.take(connection);
  t.after(() => connection.destroy());
  await connectHost(t, gateway.port, 'zeek-osquery', VICTIM);
  await recorded.up();
  await bro.announced('victim');
  bro.execute('SELECT secret', { target: { to: 'host', host: 'victim' } });
  bro.bro.publish('/bro/osquery/hosts', { name: 'spec::for_all', args: [] });
  await recorded.until(({ events }) => events.some(({ event }) => event.name === 'spec::for_all'));
  assert.deepEqual(
    recorded.events.map(({ event }) => event.name),
    ['spec::for_all'],
  );
});

for (const filter of [[], ['/bro/osquery/hosts'], ['/bro/osquery/host/a', '/bro/osquery/host/b']]) {
  test(`who listens on ${JSON.stringify(filter)} is not let in: that says of no host`, async (t) => {
    const zeek = await startRawZeek(t);
    const gateway = await startGateway(t, zeek.address);
    const recorded = recordHandlers();
    const connection = connectTcp(
      { host: '127.0.0.1', port: gateway.port, security: 'plain', endpointId: crypto.randomUUID(), filter },
      recorded.handlers,
    );
    recorded.take(connection);
    t.after(() => connection.destroy());
    await recorded.closing();
    assert.equal(gateway.report().counts.admitted, 0);
  });
}

test('a host that floods is held back, and others get their turn', async (t) => {
  const bro = await startBro(t);
  const gateway = await startGateway(t, bro.address, { limits: { host_rows_per_second: 50 } });
  bro.subscribe('SELECT 1 AS a');
  const flood = await connectHost(t, gateway.port, 'zeek-osquery', LIAR);
  const other = await connectHost(t, gateway.port, 'zeek-osquery', VICTIM);
  const asked = async (host: typeof flood) => {
    const [decoded] = await host.untilRequests(1);
    assert(decoded?.outcome === 'request' && decoded.request.type === 'subscribe');
    return decoded.request.query;
  };
  const columns = [{ name: 'a', type: 'TEXT' as const }];
  const row = (at: number) => ({
    change: 'ADDED' as const,
    initial: false,
    unixTime: 1,
    columns: { a: `${at}` },
  });
  const query = await asked(flood);
  let isOver = false;
  const flooding = (async () => {
    for (let at = 0; at < 100_000 && !isOver; at += 1) await flood.sendRows(query, columns, [row(at)]);
  })().catch(() => {});
  await eventually('it is held back', () => gateway.report().counts.throttled > 0);
  await other.sendRows(await asked(other), columns, [row(1), row(2)]);
  await other.recorded.connection.confirm();
  isOver = true;
  assert.equal(bro.rows().filter(({ host }) => host === 'victim').length, 2);
  flood.recorded.connection.destroy();
  await flooding;
});

test('rows that the Zeek has not been heard to ask for are kept back until it has asked for something', async (t) => {
  const zeek = await startRawZeek(t);
  const gateway = await startGateway(t, zeek.address);
  const host = await connectHost(t, gateway.port, 'zeek-osquery', LIAR);
  await zeek.until('osquery::hosts::host_new');
  const event = { name: 'earlier::row', args: [info('liar'), string('x')] };
  await host.send({ topic: '/bro/osquery/bro/x', event });
  let isConfirmed = false;
  const confirmed = host.recorded.connection.confirm().then(() => {
    isConfirmed = true;
  });
  await host.announce();
  assert(!zeek.names().includes('earlier::row'));
  assert.equal(isConfirmed, false);
  await zeek.publish('/bro/osquery/host/liar', {
    name: 'osquery::hosts::host_subscribe',
    args: [...['earlier::row', 'SELECT 1 AS a', '', '/bro/osquery/bro/x', 'BOTH'].map(string), count(10)],
  });
  await zeek.until('earlier::row');
  await confirmed;
});

test('with certificates a host is who its certificate says', async (t) => {
  const zeek = await startRawZeek(t);
  const gateway = await startGateway(t, zeek.address, {
    listen: 'brokers://127.0.0.1:0',
    tls: namesOf(certified('zeek')),
    identity: { from: 'cn', pattern: '^([^.]+)[.]test$' },
  });
  const connect = (id: string) => {
    const recorded = recordHandlers();
    const host = sampleHost({ id, endpointId: crypto.randomUUID() });
    const connection = connectTcp(
      {
        ...{ host: '127.0.0.1', port: gateway.port, security: 'tls', tls: certified('host') },
        ...{ endpointId: host.endpointId, filter: [`/bro/osquery/host/${id}`] },
      },
      recorded.handlers,
    );
    recorded.take(connection);
    t.after(() => connection.destroy());
    return recorded;
  };
  await connect('host').up();
  await eventually('it is in', () => gateway.report().hosts === 1);
  await connect('other').closing();
  assert.equal(gateway.report().hosts, 1);
  assert.equal(gateway.report().counts.admitted, 1);
});

function namesOf({ ca, certificate, key }: ReturnType<typeof certified>) {
  return { ca, certificate, key };
}

test('of two hosts with one id one is refused, and the Zeek is told of both', async (t) => {
  const zeek = await startRawZeek(t);
  const gateway = await startGateway(t, zeek.address);
  const clone = () => sampleHost({ id: 'clone', endpointId: crypto.randomUUID() });
  const [first, second] = [clone(), clone()];
  await connectHost(t, gateway.port, 'zeek-osquery', first);
  await connectHost(t, gateway.port, 'zeek-osquery', second);
  const introductions = () => zeek.names().filter((name) => name === 'osquery::hosts::host_new');
  await eventually('the second has taken its place', () => introductions().length === 2);
  const recorded = recordHandlers();
  const filter = ['/bro/osquery/hosts', '/bro/osquery/host/clone'];
  const { endpointId } = first;
  const again = connectTcp(
    { host: '127.0.0.1', port: gateway.port, security: 'plain', endpointId, filter },
    recorded.handlers,
  );
  recorded.take(again);
  t.after(() => again.destroy());
  await recorded.closing();
  await zeek.until('osquery::hosts::host_error');
  assert.equal(gateway.report().counts.duplicates, 1);
  assert.equal(gateway.report().hosts, 1);
});
