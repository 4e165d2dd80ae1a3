import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeData } from '../../src/broker/binary.ts';
import { ByteWriter } from '../../src/broker/byte-writer.ts';
import { count, type Data, none, string, timestamp, vector } from '../../src/broker/data.ts';
import { decodeEnvelope } from '../../src/broker/envelope.ts';
import { EventFrames } from '../../src/broker/event-frames.ts';
import {
  eventToData,
  readMessages,
  writeBatchStart,
  writeEvent,
  type ZeekEvent,
} from '../../src/broker/zeek-event.ts';
import { arbitraryData, arbitraryText } from '../support/arbitrary-data.ts';
import { recordedFrames } from '../support/broker-recordings.ts';
import { batchToData, encodeData } from '../support/broker-values.ts';

const ID = '11111111-1111-4111-8111-111111111111';

const arbitraryEvent: fc.Arbitrary<ZeekEvent> = fc
  .tuple(
    arbitraryText,
    fc.array(arbitraryData, { maxLength: 4 }),
    fc.option(
      fc.array(fc.tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), arbitraryData), { maxLength: 2 }),
      { nil: undefined },
    ),
  )
  .map(([name, args, metadata]) => ({
    name,
    args,
    ...(metadata ? { metadata: metadata.map(([key, value]) => ({ key, value })) } : {}),
  }));

test('an event survives the way to a message and back, with metadata absent, empty or filled', () => {
  fc.assert(
    fc.property(arbitraryEvent, (event) => {
      assert.deepEqual(readMessages(eventToData(event)), [{ type: 'event', event }]);
      const writer = new ByteWriter();
      writeEvent(writer, event);
      assert.deepEqual(writer.take(), encodeData(eventToData(event)));
    }),
  );
});

test('a batch is its events in their order', () => {
  fc.assert(
    fc.property(fc.array(arbitraryEvent, { maxLength: 200 }), (events) => {
      const writer = new ByteWriter();
      writeBatchStart(writer, events.length);
      for (const event of events) writeEvent(writer, event);
      assert.deepEqual(writer.take(), encodeData(batchToData(events)));
      assert.deepEqual(
        readMessages(decodeData(writer.take())),
        events.map((event) => ({ type: 'event', event })),
      );
    }),
    { numRuns: 20 },
  );
});

test('the events that Zeek sent are read, its log records recognised as none of ours', () => {
  const seen = recordedFrames('zeek-to-zeek-1')
    .filter((frame) => frame.bytes.length >= 60 && frame.bytes[32] === 1)
    .map((frame) => decodeEnvelope(frame.bytes))
    .flatMap(({ topic, payload }) =>
      readMessages(decodeData(payload)).map((message) =>
        message.type === 'event'
          ? [topic, message.event.name, message.event.args.length, message.event.metadata]
          : [topic, message],
      ),
    );
  assert.deepEqual(seen, [
    ['/test/hello', 'Tst::hello', 16, []],
    ['/test/hello', 'Tst::hello', 16, []],
    ['zeek/logs/Broker::LOG', { type: 'other', number: 2n }],
    ['/test/back', 'Tst::back', 16, []],
    ['/test/back', 'Tst::back', 16, []],
  ]);
});

test('the network timestamp of an event is kept', () => {
  const metadata = [{ key: 1n, value: timestamp(1_700_000_000_000_000_000n) }];
  assert.deepEqual(readMessages(eventToData({ name: 'e', args: [], metadata })), [
    { type: 'event', event: { name: 'e', args: [], metadata } },
  ]);
});

test('what is no message says what was expected; the rest of its batch is read', () => {
  const good: ZeekEvent = { name: 'good', args: [] };
  const problems = (data: Data) =>
    readMessages(data).map((message) => (message.type === 'malformed' ? message.problem : message.type));
  assert.deepEqual(problems(none), ['expected a message [count format, count type, content], got none']);
  assert.deepEqual(problems(vector([count(2), count(1), vector([])])), [
    'unknown message format 2, expected 1',
  ]);
  assert.deepEqual(problems(vector([count(1), count(9), vector([])])), ['other']);
  assert.deepEqual(problems(vector([count(1), count(5), vector([eventToData(good), none])])), [
    'event',
    'expected a message [count format, count type, content], got none',
  ]);
  assert.deepEqual(problems(vector([count(1), count(5), none])), [
    'expected a batch with a vector of messages, got none',
  ]);
  assert.deepEqual(problems(vector([count(1), count(1), vector([string('e')])])), [
    'expected an event [string name, vector args, vector metadata?], got [string]',
  ]);
  assert.deepEqual(
    problems(vector([count(1), count(1), vector([string('e'), vector([]), vector([none])])])),
    ['metadata of e must be a vector of [count key, value], got [none]'],
  );
});

test('frames hold one event each, or as many as the target takes, in a batch message', () => {
  const frames = new EventFrames(ID, 10_000);
  const events = Array.from({ length: 5 }, (_, n) => ({ name: 'row', args: [count(n)] }));
  const one = frames.next('/t', events, 4, 1_000);
  assert.equal(one.next, 5);
  const envelope = decodeEnvelope(one.frame.subarray(4));
  assert.deepEqual(
    { ...envelope, payload: decodeData(envelope.payload) },
    {
      sender: ID,
      receiver: '00000000-0000-0000-0000-000000000000',
      kind: 'data',
      ttl: 16,
      topic: '/t',
      payload: eventToData({ name: 'row', args: [count(4)] }),
    },
  );
  const some = frames.next('/t', events, 0, 100);
  assert.equal(some.next, 3);
  assert.deepEqual(
    decodeData(decodeEnvelope(some.frame.subarray(4)).payload),
    batchToData(events.slice(0, 3)),
  );
});

test('no frame goes beyond the bound: a batch is cut, an event that is too large alone is refused', () => {
  const frames = new EventFrames(ID, 1_000);
  const event = (length: number): ZeekEvent => ({ name: 'e', args: [string('x'.repeat(length))] });
  const made = frames.next('/t', [event(400), event(400), event(400)], 0, 100_000);
  assert.equal(made.next, 2);
  assert.throws(() => frames.next('/t', [event(1_000)], 0, 1), {
    name: 'CodecError',
    code: 'frame-too-large',
  });
  assert.throws(() => frames.next('x'.repeat(65_536), [event(1)], 0, 1), {
    name: 'CodecError',
    code: 'too-long',
  });
});
