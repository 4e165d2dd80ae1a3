import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { headers } from 'nats';
import { decodeData } from '../../src/broker/binary.ts';
import { ByteWriter } from '../../src/broker/byte-writer.ts';
import { readMessages, writeEvent, type ZeekEvent } from '../../src/broker/zeek-event.ts';
import { connectDirectly } from '../../src/nats/direct-connection.ts';
import { eventually } from '../support/eventually.ts';
import { natsTarget, numberedRow, plainClient } from '../support/nats-fleet.ts';
import { noNatsServer, startNatsServer } from '../support/nats-server.ts';
import { recordHandlers } from '../support/recorded-connection.ts';

const HOST = '/bro/osquery/host/h1';
const ROWS = '/bro/osquery/bro/zeek';

function payloadOf(event: ZeekEvent): Uint8Array {
  const writer = new ByteWriter(128);
  writeEvent(writer, event);
  return writer.take();
}

describe('a Zeek cluster that talks over NATS itself', { skip: noNatsServer }, () => {
  test('is spoken to as it speaks: topics are subjects, each event a message in its binary form', async (t) => {
    const server = await startNatsServer(t);
    const zeek = await plainClient(t, server);
    const heard: { readonly subject: string; readonly format: string; readonly event: ZeekEvent }[] = [];
    zeek.subscribe(ROWS, {
      callback: (_, { subject, data, headers: own }) => {
        for (const message of readMessages(decodeData(data)))
          if (message.type === 'event')
            heard.push({ subject, format: own?.get('X-Zeek-Format') ?? '', event: message.event });
      },
    });
    await zeek.flush();
    const host = recordHandlers();
    const connection = connectDirectly(
      {
        ...natsTarget(server.port),
        hostId: 'h1',
        endpointId: randomUUID(),
        filter: [HOST, '/bro/osquery/hosts'],
      },
      host.handlers,
    );
    host.take(connection);
    t.after(() => connection.destroy());
    const remote = await host.up();
    assert.deepEqual([remote.transport, remote.confirms, remote.filter], ['nats', false, undefined]);
    await connection.send(ROWS, [numberedRow(1), numberedRow(2)]);
    await connection.confirm();
    await eventually('both are there', () => heard.length === 2);
    assert.deepEqual(heard[0], { subject: ROWS, format: 'broker-bin-v1', event: numberedRow(1) });

    const header = headers();
    header.set('X-Zeek-Format', 'broker-bin-v1');
    const request = { name: 'osquery::hosts::host_join', args: [] };
    zeek.publish(HOST, payloadOf(request), { headers: header });
    await host.until(({ events }) => events.length === 1);
    assert.deepEqual(host.events, [{ topic: HOST, event: request }]);
    connection.subscribe(['/bro/osquery/group/g']);
    zeek.publish(HOST, payloadOf(request), { headers: header });
    await connection.confirm();
    zeek.publish('/bro/osquery/group/g', payloadOf(request), { headers: header });
    await host.until(({ events }) => events.length === 2);
    assert.equal(host.events[1]?.topic, '/bro/osquery/group/g');

    zeek.publish('/bro/osquery/group/g', Buffer.from('{}'));
    await host.until(({ problems }) => problems.length === 1);
    assert.match(host.problems[0] ?? '', /its format is not said/);
    const leftOut: unknown[] = [];
    await connection.send('/bro/osquery/host/a b', [request], (...what) => leftOut.push(what));
    assert.deepEqual(leftOut, [[0, 'unsendable']]);
    await server.kill();
    assert.equal((await host.closing()).code, 'reset');
  });
});
