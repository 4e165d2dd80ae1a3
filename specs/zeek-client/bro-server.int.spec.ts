import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Host, Request, Statement } from '../../src/vocabulary/model.ts';
import { queryDigest } from '../../src/vocabulary/query-digest.ts';
import { packageEvents } from '../../src/vocabulary/zeek-package.ts';
import { asDesiredQuery } from '../../src/zeek-client/package-dialect.ts';
import { startBro } from '../support/bro.ts';
import { manualClock } from '../support/manual-clock.ts';
import { sampleHost } from '../support/sample-host.ts';
import { connectHost, type SpecHost, saidTo } from '../support/spec-host.ts';

const MINUTE = 60_000;
const H1 = sampleHost({ id: 'h1' });
const H2 = sampleHost({ id: 'h2', endpointId: '5ba5a5e5-0000-4000-8000-000000000002' });
const TOPIC = ({ endpointId }: { readonly endpointId: string }) => `/bro/osquery/bro/${endpointId}`;
/** Silence is no matter here. */
const PATIENT = { idle: 1e9, suspect: 1e9, unresponsive: 1e9 };

type Said = Request | Statement;

async function untilAsked(host: SpecHost, type: Said['type'], count = 1): Promise<Said[]> {
  const asked = () => saidTo(host).filter((request) => request.type === type);
  await host.recorded.until(() => asked().length >= count);
  return asked();
}

describe('a Bro', () => {
  test('asks a host that comes back again, but what was to run once only once', async (t) => {
    const bro = await startBro(t);
    bro.subscribe('SELECT 1');
    bro.execute('SELECT 2');
    const first = await connectHost(t, bro.port, 'zeek-osquery', H1);
    await untilAsked(first, 'subscribe');
    await untilAsked(first, 'execute');
    first.recorded.connection.destroy();
    const { hosts, closed } = await bro.until('disconnected');
    assert.deepEqual([hosts, closed.code], [['h1'], 'reset']);

    const second = await connectHost(t, bro.port, 'zeek-osquery', H1);
    await untilAsked(second, 'subscribe');
    await bro.close();
    assert.deepEqual(
      saidTo(second).map(({ type }) => type),
      ['subscribe', 'unsubscribe'],
    );
  });

  test('asks a host once, however often it announces itself', async (t) => {
    const bro = await startBro(t);
    bro.subscribe('SELECT 1');
    const host = await connectHost(t, bro.port, 'zeek-osquery', H1);
    await host.announce();
    await bro.until('announced', ({ again }) => again);
    await bro.close();
    assert.deepEqual(
      saidTo(host).map(({ type }) => type),
      ['subscribe', 'unsubscribe'],
    );
  });

  test('sends all requests again to a host of zeek-agent-2 whose hello has another id', async (t) => {
    const bro = await startBro(t, { vocabulary: 'zeek-agent-2' });
    bro.subscribe('SELECT 1');
    const host = await connectHost(t, bro.port, 'zeek-agent-2', H1);
    await untilAsked(host, 'subscribe');
    await host.announce(H1, 'second');
    await untilAsked(host, 'subscribe', 2);
    assert.deepEqual(
      bro.of('announced').map(({ again }) => again),
      [false, false],
    );
  });

  test('asks what is for a group as soon as a host has joined it', async (t) => {
    const bro = await startBro(t);
    const host = await connectHost(t, bro.port, 'zeek-osquery', H1);
    await bro.announced();
    bro.subscribe('SELECT 1', { target: { to: 'group', group: 'new' } });
    bro.join('new');
    await untilAsked(host, 'join');
    const joined: Host = { ...H1, groups: ['new'] };
    const filter = host.vocabulary.filter(joined);
    host.recorded.connection.subscribe(filter);
    await host.announce(joined);
    // The request itself is for a member; this host's decoder is told of the membership by its topic.
    await host.recorded.until(({ events }) => events.some(({ topic }) => topic === '/bro/osquery/group/new'));
  });

  test('tells each host apart over its own connection', async (t) => {
    const bro = await startBro(t);
    const one = await connectHost(t, bro.port, 'zeek-osquery', H1);
    const other = await connectHost(t, bro.port, 'zeek-osquery', H2);
    await bro.announced('h1');
    await bro.announced('h2');
    const query = bro.subscribe('SELECT 1', { target: { to: 'host', host: 'h2' } });
    await untilAsked(other, 'subscribe');
    bro.unsubscribe(query);
    bro.leave('servers', { to: 'host', host: 'h1' });
    await untilAsked(one, 'leave');
    await untilAsked(other, 'unsubscribe');
    assert.deepEqual(
      [one, other].map((host) => saidTo(host).map(({ type }) => type)),
      [['leave'], ['subscribe', 'unsubscribe']],
    );
  });

  test('that is killed says nothing, and another can take its port and place', async (t) => {
    const bro = await startBro(t);
    bro.subscribe('SELECT 1');
    const host = await connectHost(t, bro.port, 'zeek-osquery', H1);
    await untilAsked(host, 'subscribe');
    await bro.kill();
    assert.equal((await host.recorded.closing()).code, 'reset');
    assert.deepEqual(
      saidTo(host).map(({ type }) => type),
      ['subscribe'],
    );
    const heir = await startBro(t, { port: bro.port, endpointId: bro.endpointId });
    const again = await connectHost(t, heir.port, 'zeek-osquery', H1);
    assert.equal(again.recorded.remote?.incarnation, bro.endpointId);
  });

  test('that closes disconnects cleanly', async (t) => {
    const bro = await startBro(t);
    const host = await connectHost(t, bro.port, 'zeek-osquery', H1);
    await bro.announced();
    await bro.close();
    assert.equal((await host.recorded.closing()).code, 'goodbye');
  });

  test('refuses what its vocabulary does not have', async (t) => {
    const bro = await startBro(t, { vocabulary: 'bro-2017-01' });
    assert.throws(() => bro.join('x'), /bro-2017-01 does not support joining or leaving groups/);
  });
});

describe('a Bro with our Zeek package', () => {
  const SAYS = packageEvents('/bro/osquery');

  test('declares itself before it asks anything, and again each minute', async (t) => {
    const clock = manualClock();
    const bro = await startBro(t, { packageVersion: '1.2.3', clock, timings: PATIENT });
    const subscription = bro.subscribe('SELECT 1');
    const host = await connectHost(t, bro.port, 'zeek-osquery', H1);
    await untilAsked(host, 'subscribe');
    clock.advance(MINUTE);
    await untilAsked(host, 'declare', 2);
    const declaration = {
      type: 'declare',
      vocabulary: 'zeek-osquery',
      zeekInstance: bro.endpointId,
      packageVersion: '1.2.3',
      desired: queryDigest([asDesiredQuery(subscription, TOPIC(bro))]),
    };
    assert.deepEqual(
      saidTo(host).map((request) => (request.type === 'declare' ? request : request.type)),
      [declaration, 'subscribe', declaration],
    );
  });

  test('sends its desired queries to a host that holds others, once for each difference', async (t) => {
    const clock = manualClock();
    const bro = await startBro(t, { packageVersion: '1.2.3', clock, timings: PATIENT });
    const subscription = bro.subscribe('SELECT 1', { cookie: 'c' });
    const host = await connectHost(t, bro.port, 'zeek-osquery', H1);
    const nothing = queryDigest([]);
    const hold = (hash: string) => SAYS.queriesHeld(H1, bro.endpointId, { ...nothing, hash });
    // The answer to the first declaration comes before the host has read the subscription.
    await host.send(hold(nothing.hash));
    await bro.until('queriesHeld');
    clock.advance(MINUTE);
    await untilAsked(host, 'declare', 2);
    for (const hash of [nothing.hash, nothing.hash, 'another', 'another']) await host.send(hold(hash));
    await host.send(
      SAYS.queriesHeld(H1, bro.endpointId, queryDigest([asDesiredQuery(subscription, TOPIC(bro))])),
    );
    await bro.untilHolds(() => bro.of('queriesHeld').length === 6, 'six answers');
    const list = {
      type: 'desiredQueries',
      vocabulary: 'zeek-osquery',
      zeekInstance: bro.endpointId,
      queries: [asDesiredQuery(subscription, TOPIC(bro))],
    };
    await bro.close();
    assert.deepEqual(
      saidTo(host).filter(({ type }) => type === 'desiredQueries'),
      [list, list],
    );
  });

  test('acknowledges rows, and hears of gaps, details and goodbyes', async (t) => {
    const bro = await startBro(t, { packageVersion: '1.2.3' });
    const host = await connectHost(t, bro.port, 'zeek-osquery', H1);
    await bro.announced();
    const gap = { first: 5, last: 9, rows: 5, reason: 'journal full' };
    await host.send(SAYS.details(H1));
    await host.send(SAYS.gap(H1, gap));
    await host.send(SAYS.rowsSent(H1, 9_007_199_254_740_991));
    await host.send(SAYS.farewell(H1));
    assert.deepEqual(await untilAsked(host, 'acknowledge'), [
      { type: 'acknowledge', vocabulary: 'zeek-osquery', sequence: 9_007_199_254_740_991 },
    ]);
    await bro.until('farewell');
    assert.deepEqual(bro.news.slice(2), [
      {
        ...{ type: 'details', host: 'h1', hostname: 'web-1', version: '1.2.3' },
        ...{ addresses: ['10.1.2.3', 'fe80::1'], groups: ['geo/de/hamburg', 'servers'] },
        ...{ platform: 'linux', os: 'Debian GNU/Linux 13' },
      },
      { type: 'gap', host: 'h1', first: 5n, last: 9n, rows: 5n, reason: 'journal full' },
      { type: 'rowsSent', host: 'h1', sequence: 9_007_199_254_740_991n },
      { type: 'farewell', host: 'h1' },
    ]);
  });
});
