import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CodecError } from '../../src/broker/codec-error.ts';
import { count, integer, string } from '../../src/broker/data.ts';
import { decodeMessage as decodeWebSocket } from '../../src/broker/websocket-messages.ts';
import type { ZeekEvent } from '../../src/broker/zeek-event.ts';
import { readMessages } from '../../src/broker/zeek-event.ts';
import {
  decodeMessage,
  encodeEvent,
  encodeMessage,
  messageId,
  type NatsMessage,
  sequenceOf,
} from '../../src/nats/message.ts';
import { decodeText, encodeText } from '../../src/text/byte-text.ts';
import { arbitraryText } from '../support/arbitrary-data.ts';

const row: ZeekEvent = {
  name: 'spec::row',
  args: [string('h1'), integer(-7n)],
  metadata: [{ key: 200n, value: count(9_007_199_254_740_993n) }],
};

test("an event is written as Zeek's WebSocket API has it, with its topic", () => {
  const text = Buffer.from(encodeEvent('/bro/osquery/host/h1', row)).toString();
  assert.equal(
    text,
    '{"type":"data-message","topic":"/bro/osquery/host/h1","@data-type":"vector","data":[' +
      '{"@data-type":"count","data":1},{"@data-type":"count","data":1},{"@data-type":"vector","data":[' +
      '{"@data-type":"string","data":"spec::row"},{"@data-type":"vector","data":[' +
      '{"@data-type":"string","data":"h1"},{"@data-type":"integer","data":-7}]},' +
      '{"@data-type":"vector","data":[{"@data-type":"vector","data":[{"@data-type":"count","data":200},' +
      '{"@data-type":"count","data":9007199254740993}]}]}]}]}',
  );
  const there = decodeWebSocket(text);
  assert.deepEqual(there.type === 'data-message' && readMessages(there.data), [
    { type: 'event', event: row },
  ]);
});

test('a topic survives whatever its bytes are, and the event with it', () => {
  fc.assert(
    fc.property(arbitraryText, (topic) => {
      const bytes = encodeEvent(topic, row);
      const message = decodeMessage(bytes);
      assert.deepEqual(message.type === 'events' && message.events, [row]);
      assert.deepEqual(
        message.type === 'events' && Buffer.from(encodeText(message.topic)),
        Buffer.from(encodeText(topic)),
      );
    }),
  );
});

test('what hosts and Bros say to find each other comes back as it was', () => {
  const messages: Exclude<NatsMessage, { type: 'events' }>[] = [
    { type: 'hello', host: 'h1', endpoint: 'e', filter: ['/a', '/b'] },
    { type: 'bro', id: 'b', version: '0.1.0', filter: [], confirms: true, session: 2, binary: false },
    {
      ...({ type: 'bro', id: 'b', version: '0.1.0', filter: [], confirms: true, session: 2 } as const),
      binary: true,
      gateway: { id: 'g', partitions: 16, leases: { 3: 17, 12: 4 } },
    },
    { type: 'filter', filter: ['/a'] },
    { type: 'gone', id: 'h1' },
    { type: 'ping' },
    { type: 'pong' },
    { type: 'stranger' },
    { type: 'refused', reason: 'too many hosts' },
  ];
  for (const message of messages) assert.deepEqual(decodeMessage(encodeMessage(message)), message);
});

test('what is no message is refused, never believed in part', () => {
  const wrong = [
    '',
    '7',
    '[]',
    '{}',
    '{"type":"hello"}',
    '{"type":"hello","host":1,"endpoint":"","filter":[]}',
    '{"type":"filter","filter":[1]}',
    '{"type":"filter","filter":{}}',
    '{"type":"data-message","@data-type":"vector","data":[]}',
    '{"type":"data-message","topic":"/x","@data-type":"vector","data":[]}',
    '{"type":"data-message","topic":"/x","@data-type":"what","data":[]}',
    '{"type":"surprise"}',
  ];
  for (const text of wrong) assert.throws(() => decodeMessage(Buffer.from(text)), CodecError, text);
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.throws(() => decodeMessage(bytes), CodecError);
    }),
  );
});

test('a row has an id in the stream that is its own and the same each time', () => {
  const payload = encodeEvent('/x', row);
  assert.equal(sequenceOf(row), 9_007_199_254_740_993n);
  assert.equal(sequenceOf({ name: 'spec::row', args: [] }), undefined);
  assert.match(messageId('h1', 7n, 7n, payload), /^h1\.7\.[\w-]{16}$/);
  assert.equal(messageId('h1', 7n, 7n, payload), messageId('h1', 7n, 7n, encodeEvent('/x', row)));
  assert.notEqual(messageId('h1', 7n, 7n, payload), messageId('h1', 7n, 7n, encodeEvent('/y', row)));
  assert.equal(decodeText(payload).includes('/x'), true);
});
