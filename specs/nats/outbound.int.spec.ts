import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NatsConnection } from 'nats';
import { type Closed, ConnectionError } from '../../src/broker/connection.ts';
import { decodeMessage } from '../../src/nats/message.ts';
import { Outbound } from '../../src/nats/outbound-client.ts';
import { type RowStream, StreamError } from '../../src/nats/stream-client.ts';
import { natsSubjects } from '../../src/nats/subjects.ts';
import { numberedRow } from '../support/nats-fleet.ts';

const everythingDue = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A host whose server, stream and Bro are in the spec's hand; what it sends, in order. */
function sending(withStream: boolean) {
  const said: string[] = [];
  const kept: PromiseWithResolvers<void>[] = [];
  const flushes: PromiseWithResolvers<void>[] = [];
  const failures: Closed[] = [];
  const name = (payload: Uint8Array) => {
    const message = decodeMessage(payload);
    return message.type === 'events' ? message.events.map((event) => event.name).join() : message.type;
  };
  const connection = {
    publish: (_: string, payload: Uint8Array) => said.push(name(payload)),
    flush: () => {
      said.push('flush');
      const flushed = Promise.withResolvers<void>();
      flushes.push(flushed);
      return flushed.promise;
    },
  };
  const stream = {
    publish: (_: string, payload: Uint8Array) => {
      said.push(`${name(payload)} to the stream`);
      const one = Promise.withResolvers<void>();
      kept.push(one);
      return one.promise;
    },
  };
  const outbound = new Outbound({
    connection: connection as unknown as NatsConnection,
    subjects: natsSubjects('osquery'),
    host: 'h1',
    stream: withStream ? (stream as unknown as RowStream) : undefined,
    server: 'nats://server:4222',
    askBro: async () => void said.push('ask the Bro'),
    onProblem: (problem) => assert.fail(problem),
    onFailure: (closed) => failures.push(closed),
  });
  return { outbound, said, kept, flushes, failures };
}

const word = { name: 'spec::word', args: [] };

test('what is no row waits until the stream has the rows before it', async () => {
  const { outbound, said, kept } = sending(true);
  await outbound.send('/t', [numberedRow(1), numberedRow(2)]);
  const sent = outbound.send('/t', [word]);
  kept[1]?.resolve();
  await everythingDue();
  assert.deepEqual(said, ['spec::row to the stream', 'spec::row to the stream']);
  kept[0]?.resolve();
  await sent;
  assert.deepEqual(said.slice(2), ['spec::word']);
});

test('with a stream rows are confirmed once it has them', async () => {
  const { outbound, said, kept } = sending(true);
  await outbound.send('/t', [numberedRow(1)]);
  let isConfirmed = false;
  const confirmed = outbound.confirm().then(() => {
    isConfirmed = true;
  });
  await everythingDue();
  await everythingDue();
  assert.equal(isConfirmed, false);
  kept[0]?.resolve();
  await confirmed;
  assert.deepEqual(said, ['spec::row to the stream']);
});

test('without one the Bro is asked once the server has taken what was sent before', async () => {
  const { outbound, said, flushes } = sending(false);
  await outbound.send('/t', [numberedRow(1)]);
  const confirmed = outbound.confirm();
  await everythingDue();
  assert.deepEqual(said, ['spec::row', 'flush']);
  flushes[0]?.resolve();
  await confirmed;
  assert.deepEqual(said, ['spec::row', 'flush', 'ask the Bro']);
});

test('a stream that takes no row ends the connection with its reason', async () => {
  const { outbound, kept, failures } = sending(true);
  await outbound.send('/t', [numberedRow(1)]);
  const closed: Closed = { code: 'overflow', message: 'the stream is full', refused: true };
  kept[0]?.reject(new StreamError(closed));
  await everythingDue();
  assert.deepEqual(failures, [closed]);
  outbound.fail(new ConnectionError('overflow', 'the stream is full'));
  await assert.rejects(outbound.confirm(), { code: 'overflow' });
  await assert.rejects(outbound.send('/t', [word]), { code: 'overflow' });
});
