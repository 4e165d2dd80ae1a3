import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { headers, type NatsConnection } from 'nats';
import { ByteWriter } from '../../src/broker/byte-writer.ts';
import { none, string, vector } from '../../src/broker/data.ts';
import { writeEvent, type ZeekEvent } from '../../src/broker/zeek-event.ts';
import { markBinary } from '../../src/nats/binary-events.ts';
import { HOST_HEADER } from '../../src/nats/message.ts';
import { natsSubjects, partitionOf } from '../../src/nats/subjects.ts';
import { startBro } from '../support/bro.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/gateway.ts';
import { natsDial, numberedRow, plainClient } from '../support/nats-fleet.ts';
import { noNatsServer, startNatsServer, type TestNatsServer } from '../support/nats-server.ts';
import { sampleHost } from '../support/sample-host.ts';
import { connectHost } from '../support/spec-host.ts';

const subjects = natsSubjects('osquery');
const ROWS = '/bro/osquery/bro/zeek';

/** What each may do, as the manual has it. */
const ACCOUNTS = `
  authorization { users = [
    { user: gateway, password: secret, permissions: {
        publish: ["osquery.bro", "osquery.host.>", "$JS.API.>", "$JS.ACK.>", "$KV.OSQUERY_LEASES.>"]
        subscribe: ["osquery.hello", "osquery.hello.>", "osquery.announce.>", "_INBOX.>"]
        allow_responses: { max: 1, expires: "1m" } } }
    { user: h1, password: secret, permissions: {
        publish: ["osquery.hello", "osquery.hello.*.h1", "osquery.announce.*.h1", "osquery.rows.*.h1", "$JS.API.STREAM.NAMES"]
        subscribe: ["osquery.bro", "osquery.host.h1", "osquery.all", "osquery.group.>", "_INBOX.>"]
        allow_responses: { max: 1, expires: "1m" } } }
  ] }`;

/** A host's own way to say what it should not. */
function liar(client: NatsConnection, id: string) {
  const own = subjects.inPartition(partitionOf(id, 16), id);
  const say = (subject: string, topic: string, event: ZeekEvent, claimed = id) => {
    const header = headers();
    header.set(HOST_HEADER, claimed);
    markBinary(header, topic);
    const writer = new ByteWriter(256);
    writeEvent(writer, event);
    client.publish(subject, writer.take(), { headers: header });
  };
  return { own, say };
}

async function meeting(t: TestContext, server: TestNatsServer) {
  const bro = await startBro(t);
  const user = { user: 'gateway', password: 'secret' };
  const gateway = await startGateway(t, bro.address, { nats: { servers: server.url, ...user } });
  const settings = { jetstream: 'use' as const, user: 'h1', password: 'secret' };
  const known = sampleHost({ id: 'h1', endpointId: crypto.randomUUID() });
  const host = await connectHost(
    t,
    natsDial(server.port, 'h1', settings, known.endpointId),
    'zeek-osquery',
    known,
  );
  await bro.announced('h1');
  bro.subscribe('SELECT 1 AS a');
  await host.untilRequests(1);
  const client = await plainClient(t, server, { user: 'h1', pass: 'secret' });
  return { bro, gateway, client };
}

const rowOf = (id: string, name: string): ZeekEvent => ({ name, args: [vector([string(id), none])] });

describe('a host that lies at NATS', { skip: noNatsServer, concurrency: 2 }, () => {
  test('reaches nothing: not by its subjects, not by what it says in them', async (t) => {
    const server = await startNatsServer(t, { jetstream: true, config: ACCOUNTS });
    const { bro, gateway, client } = await meeting(t, server);
    const { own, say } = liar(client, 'h1');
    const refused = () => gateway.report().counts.refused;
    const before = { refused: refused(), news: bro.news.length };
    const lies: (() => void)[] = [
      () => say(own.announce, '/bro/osquery/host_announce', { name: 'Broker::peer_lost', args: [] }),
      () =>
        say(own.announce, '/bro/osquery/host_announce', {
          name: 'osquery::hosts::host_new',
          args: [string(crypto.randomUUID()), string('h2'), vector([])],
        }),
      () => say(own.rows, ROWS, rowOf('h2', 'spec::row_1')),
      () => say(own.rows, ROWS, numberedRow(1), 'h2'),
      () => say(own.rows, ROWS, { name: 'Notice::begin_suppression', args: [] }),
    ];
    for (const [at, lie] of lies.entries()) {
      lie();
      await eventually(`lie ${at} is refused`, () => refused() === before.refused + at + 1);
    }
    client.publish(own.rows, Buffer.from('no message'));
    await eventually('what can not be read is refused', () => refused() > before.refused + lies.length);
    assert.equal(gateway.report().nats?.under_way, 0);
    assert.equal(bro.news.length, before.news);
  });

  test("is not let onto another's subjects by the server", async (t) => {
    const server = await startNatsServer(t, { jetstream: true, config: ACCOUNTS });
    const { gateway, client } = await meeting(t, server);
    const before = gateway.report().counts;
    const denied: string[] = [];
    void (async () => {
      for await (const { permissionContext } of client.status())
        if (permissionContext) denied.push(permissionContext.subject);
    })();
    const other = liar(client, 'h2');
    other.say(other.own.rows, ROWS, rowOf('h2', 'spec::row_1'));
    other.say(other.own.announce, '/bro/osquery/host_announce', {
      name: 'osquery::hosts::host_new',
      args: [],
    });
    client.publish(other.own.hello, JSON.stringify({ type: 'hello', host: 'h2', endpoint: '', filter: [] }));
    client.subscribe(subjects.host('h2'), { callback: () => {} });
    await client.flush();
    await eventually('all are denied', () => denied.length === 4);
    assert.deepEqual(denied.sort(), [
      other.own.announce,
      other.own.hello,
      subjects.host('h2'),
      other.own.rows,
    ]);
    assert.equal(gateway.report().counts.refused, before.refused);
    assert.equal(gateway.report().hosts, 1);
  });
});
