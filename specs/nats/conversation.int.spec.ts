import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Data } from '../../src/broker/data.ts';
import { encodeEvent } from '../../src/nats/message.ts';
import { type Column, type Query, type ResultRow, VOCABULARY_IDS } from '../../src/vocabulary/model.ts';
import {
  connectPlainHost,
  natsDial,
  plainClient,
  startNatsBro,
  startPlainBro,
} from '../support/nats-fleet.ts';
import { noNatsServer, startNatsServer } from '../support/nats-server.ts';
import { sampleHost } from '../support/sample-host.ts';
import { connectHost, type SpecHost } from '../support/spec-host.ts';
import { zeekEvent } from '../support/zeek-requests.ts';

const COLUMNS: readonly Column[] = [
  { name: 'pid', type: 'BIGINT' },
  { name: 'name', type: 'TEXT' },
];
const SQL = 'SELECT pid, name FROM processes';

function row(sequence: number, pid: string): ResultRow {
  return {
    change: 'ADDED',
    initial: false,
    unixTime: 1_795_500_000,
    columns: { pid, name: 'init' },
    sequence,
  };
}

/** The queries that the host is asked so far. */
function queries(host: SpecHost): Query[] {
  return host
    .requests()
    .flatMap((each) =>
      each.outcome === 'request' && (each.request.type === 'subscribe' || each.request.type === 'execute')
        ? [each.request.query]
        : [],
    );
}

async function untilQueries(host: SpecHost, count: number): Promise<readonly Query[]> {
  await host.recorded.until(() => queries(host).length >= count);
  return queries(host);
}

describe('over a real nats-server', { skip: noNatsServer, concurrency: 2 }, () => {
  for (const jetstream of ['off', 'create'] as const) {
    for (const vocabulary of VOCABULARY_IDS) {
      test(`${vocabulary}: announce, subscribe, rows, one-time, groups, unsubscribe (jetstream: ${jetstream})`, async (t) => {
        const server = await startNatsServer(t, { jetstream: jetstream !== 'off' });
        const settings = { jetstream };
        const bro = await startNatsBro(t, server, settings, { vocabulary });
        const inGroup = sampleHost({ id: 'h1', groups: ['geo/de/hamburg'] });
        const outside = sampleHost({ id: 'h10', groups: ['geo/fr'] });
        const host = await connectHost(t, natsDial(server.port, 'h1', settings), vocabulary, inGroup);
        const other = await connectHost(t, natsDial(server.port, 'h10', settings), vocabulary, outside);
        await bro.announced('h1');
        await bro.announced('h10');
        assert.equal(host.recorded.remote?.incarnation, bro.endpointId);
        assert.deepEqual(host.recorded.phases, ['connecting', 'handshaking']);

        const everywhere = bro.subscribe(SQL, { updateType: 'BOTH' });
        const [query] = await untilQueries(host, 1);
        const [theirs] = await untilQueries(other, 1);
        assert(query && theirs);
        await host.sendRows(query, COLUMNS, [row(1, '1'), row(2, '9007199254740993')]);
        await other.sendRows(theirs, COLUMNS, [row(1, '7')]);
        await host.recorded.connection.confirm();
        await other.recorded.connection.confirm();
        const rows = await bro.untilRows(3, everywhere);
        assert.deepEqual(
          new Set(rows.map(({ host: from, values }) => `${from} ${values.map(text).sort().join(' ')}`)),
          new Set(['h1 1 init', 'h1 9007199254740993 init', 'h10 7 init']),
        );

        bro.execute(SQL, { updateType: 'SNAPSHOT', target: { to: 'host', host: 'h1' } });
        bro.subscribe(SQL, { target: { to: 'group', group: 'geo/de' } });
        assert.equal((await untilQueries(host, 3)).length, 3);
        assert.equal(queries(other).length, 1);

        bro.unsubscribe(everywhere);
        for (const one of [host, other]) {
          await one.recorded.until(() =>
            one.requests().some((each) => each.outcome === 'request' && each.request.type === 'unsubscribe'),
          );
        }
        await host.recorded.connection.leave();
        assert.equal(host.recorded.closed?.code, 'left');
        await bro.until('disconnected', ({ hosts }) => hosts.includes('h1'));
      });
    }
  }

  test('what is published to a subject of all, a group or a host reaches those who listen there', async (t) => {
    const server = await startNatsServer(t);
    await startPlainBro(t, server);
    const client = await plainClient(t, server);
    const recorded = connectPlainHost(t, server.port, {
      filter: ['/t/hosts', '/t/host/h1', '/t/group/geo', '/t/group/geo/de'],
    });
    await recorded.up();
    const say = (subject: string, topic: string, name: string) =>
      client.publish(subject, encodeEvent(topic, zeekEvent(name)));
    say('osquery.all', '/t/hosts', 'x::all');
    say('osquery.group.geo.de', '/t/group/geo/de', 'x::group');
    say('osquery.group.geo.fr', '/t/group/geo/fr', 'x::others');
    say('osquery.host.h10', '/t/host/h10', 'x::others');
    // Who may only address a group can't address a host by claiming its topic.
    say('osquery.group.geo', '/t/host/h1', 'x::smuggled');
    client.publish('osquery.host.h1', 'no message');
    say('osquery.host.h1', '/t/host/h1', 'x::host');
    await recorded.until(({ events }) => events.some(({ event }) => event.name === 'x::host'));
    assert.deepEqual(
      recorded.events.map(({ topic, event }) => `${event.name} ${topic}`),
      ['x::all /t/hosts', 'x::group /t/group/geo/de', 'x::host /t/host/h1'],
    );
    assert.deepEqual(
      recorded.problems.map((problem) => problem.replace(server.url, '')),
      [
        ': a message on osquery.group.geo for topic /t/host/h1, which does not belong there: ignored',
        ': invalid message on osquery.host.h1: expected a value, got "n" (at offset 0) (bad-json)',
      ],
    );

    recorded.connection.subscribe(['/t/host/h1', '/t/group/geo/fr']);
    await client.flush();
    await recorded.connection.confirm();
    say('osquery.all', '/t/hosts', 'x::all');
    say('osquery.group.geo.fr', '/t/group/geo/fr', 'x::joined');
    await recorded.until(({ events }) => events.length === 4);
    assert.equal(recorded.events.at(-1)?.event.name, 'x::joined');
    assert.equal(recorded.closed, undefined);
  });

  test('the Bro learns what a host listens to, and when that changes', async (t) => {
    const server = await startNatsServer(t);
    const { links } = await startPlainBro(t, server);
    const recorded = connectPlainHost(t, server.port, { filter: ['/t/hosts'] });
    await recorded.up();
    recorded.connection.subscribe(['/t/hosts', '/t/group/a']);
    const [link] = links;
    assert(link);
    await link.until(({ filters }) => filters.length > 0);
    assert.deepEqual(link.remote?.filter, ['/t/hosts']);
    assert.deepEqual(link.filters, [['/t/hosts', '/t/group/a']]);
  });
});

function text(data: Data): string {
  return 'value' in data ? String(data.value) : data.type;
}
