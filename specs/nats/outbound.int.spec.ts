import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MsgHdrs, NatsConnection } from 'nats';
import { type Closed, ConnectionError, type StreamCondition } from '../../src/broker/connection.ts';
import { readMessage } from '../../src/nats/message.ts';
import { Outbound } from '../../src/nats/outbound-client.ts';
import { natsSubjects } from '../../src/nats/subjects.ts';
import { manualClock } from '../support/manual-clock.ts';
import { numberedRow } from '../support/nats-fleet.ts';

const everythingDue = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A host whose server, stream and Bro are in the spec's hand; what it sends, in order. */
function sending(withStream: boolean, form: 'json' | 'binary' = 'json') {
  const said: string[] = [];
  const kept: PromiseWithResolvers<void>[] = [];
  const flushes: PromiseWithResolvers<void>[] = [];
  const failures: Closed[] = [];
  const conditions: StreamCondition[] = [];
  const clock = manualClock();
  const name = (data: Uint8Array, headers?: MsgHdrs) => {
    const read = readMessage({ subject: 's', data, headers });
    const message = 'message' in read ? read.message : assert.fail(read.problem);
    return message.type === 'events' ? message.events.map((event) => event.name).join() : message.type;
  };
  const connection = {
    publish: (_: string, payload: Uint8Array, { headers }: { headers: MsgHdrs }) =>
      said.push(name(payload, headers)),
    flush: () => {
      said.push('flush');
      const flushed = Promise.withResolvers<void>();
      flushes.push(flushed);
      return flushed.promise;
    },
    jetstreamManager: async () => ({
      streams: { find: async () => 'ROWS', info: async () => ({ config: {} }) },
    }),
    jetstream: () => ({
      publish: (_: string, payload: Uint8Array, { headers }: { headers: MsgHdrs }) => {
        said.push(`${name(payload, headers)} to the stream`);
        const one = Promise.withResolvers<void>();
        kept.push(one);
        return one.promise;
      },
    }),
  };
  const outbound = new Outbound({
    connection: connection as unknown as NatsConnection,
    subjects: natsSubjects('osquery'),
    host: 'h1',
    jetstream: withStream ? 'use' : 'off',
    server: 'nats://server:4222',
    clock,
    chance: () => 1,
    destination: () => ({ rows: 'osquery.rows.h1', words: 'osquery.announce', form }),
    askBro: async () => void said.push('ask the Bro'),
    onProblem: (problem) => assert.fail(problem),
    onStream: (condition) => conditions.push(condition),
    onFailure: (closed) => failures.push(closed),
  });
  return { outbound, said, kept, flushes, failures, conditions, clock };
}

const word = { name: 'spec::word', args: [] };

test('rows go into the stream one message after the other, and what is no row passes them by', async () => {
  const { outbound, said, kept } = sending(true);
  const sent = outbound.send('/t', [numberedRow(1), numberedRow(2)]);
  await outbound.send('/t', [word]);
  await everythingDue();
  assert.deepEqual(said.sort(), ['spec::row to the stream', 'spec::word']);
  kept[0]?.resolve();
  await everythingDue();
  assert.equal(kept.length, 2);
  kept[1]?.resolve();
  await sent;
});

test('in the binary form they go together', async () => {
  const { outbound, said, kept } = sending(true, 'binary');
  const sent = outbound.send('/t', [numberedRow(1), numberedRow(2)]);
  await everythingDue();
  kept[0]?.resolve();
  await sent;
  assert.deepEqual(said, ['spec::row,spec::row to the stream']);
});

test('with a stream rows are confirmed once it has them', async () => {
  const { outbound, said, kept } = sending(true);
  let isConfirmed = false;
  void outbound.send('/t', [numberedRow(1)]);
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

test('a stream that takes no row is tried again, later each time, until it does', async () => {
  const { outbound, said, kept, failures, conditions, clock } = sending(true);
  const full = Object.assign(new Error('full'), {
    api_error: { code: 400, description: 'maximum bytes exceeded' },
  });
  const sent = outbound.send('/t', [numberedRow(1), numberedRow(2)]);
  for (const [attempt, pause] of [250, 500, 1_000].entries()) {
    await everythingDue();
    assert.equal(kept.length, attempt + 1);
    kept[attempt]?.reject(full);
    await everythingDue();
    clock.advance(pause - 1);
    await everythingDue();
    assert.equal(kept.length, attempt + 1, 'not before its time');
    clock.advance(1);
  }
  await everythingDue();
  kept[3]?.resolve();
  await everythingDue();
  kept[4]?.resolve();
  await sent;
  assert.equal(said.length, 5);
  assert.deepEqual(failures, []);
  assert.deepEqual(
    conditions.map(({ holdsRows }) => holdsRows),
    [true, false],
  );
  assert.match(conditions[0]?.trouble ?? '', /the stream ROWS is full/);
  assert.equal(conditions[1]?.trouble, '');
});

test('a connection that ends takes along what waits for the stream', async () => {
  const { outbound, kept } = sending(true);
  const sent = outbound.send('/t', [numberedRow(1)]);
  await everythingDue();
  kept[0]?.reject(new Error('gone'));
  await everythingDue();
  outbound.fail(new ConnectionError('reset', 'the server is gone'));
  await assert.rejects(sent, { code: 'reset' });
  await assert.rejects(outbound.send('/t', [word]), { code: 'reset' });
});
