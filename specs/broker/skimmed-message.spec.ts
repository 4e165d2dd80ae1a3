import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeData } from '../../src/broker/binary.ts';
import { ByteWriter } from '../../src/broker/byte-writer.ts';
import { CodecError } from '../../src/broker/codec-error.ts';
import { batchStart, skimEvents } from '../../src/broker/skimmed-message.ts';
import { readMessages, writeBatchStart, writeEvent, type ZeekEvent } from '../../src/broker/zeek-event.ts';
import { arbitraryData } from '../support/arbitrary-data.ts';

const arbitraryEvent: fc.Arbitrary<ZeekEvent> = fc.record({
  name: fc.string({ maxLength: 20 }),
  args: fc.array(arbitraryData, { maxLength: 5 }),
});

function written(events: readonly ZeekEvent[]): Uint8Array {
  const writer = new ByteWriter();
  if (events.length !== 1) writeBatchStart(writer, events.length);
  for (const event of events) writeEvent(writer, event);
  return writer.take();
}

test('the events of a payload are found, each with the bytes that hold it alone', () => {
  fc.assert(
    fc.property(fc.array(arbitraryEvent, { maxLength: 6 }), (events) => {
      const skimmed = skimEvents(written(events));
      assert.deepEqual(
        skimmed.map(({ name, arity }) => [name, arity]),
        events.map(({ name, args }) => [name, args.length]),
      );
      for (const [at, { bytes }] of skimmed.entries()) {
        const event = events[at];
        assert(event);
        assert.deepEqual(Buffer.from(bytes), Buffer.from(written([event])));
      }
      // What was taken apart can be put together again.
      const again = Buffer.concat([batchStart(skimmed.length), ...skimmed.map(({ bytes }) => bytes)]);
      assert.deepEqual(
        readMessages(decodeData(again)).map((message) =>
          message.type === 'event' ? message.event.name : '',
        ),
        events.map(({ name }) => name),
      );
    }),
  );
});

test('what is not whole is refused, wherever it is cut', () => {
  const payload = written([{ name: 'e', args: [{ type: 'string', value: 'abc' }] }]);
  for (let length = 0; length < payload.length; length += 1)
    assert.throws(() => skimEvents(payload.subarray(0, length)), CodecError);
  assert.throws(() => skimEvents(Buffer.concat([payload, Buffer.from([0])])), CodecError);
});

test('arbitrary bytes are skimmed or refused, never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        skimEvents(bytes);
      } catch (error) {
        assert(error instanceof CodecError);
      }
    }),
  );
});
