import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeData } from '../../src/broker/binary.ts';
import { ByteReader } from '../../src/broker/byte-reader.ts';
import { ByteWriter } from '../../src/broker/byte-writer.ts';
import { DEFAULT_TIMINGS } from '../../src/broker/connection.ts';
import { count, string, vector } from '../../src/broker/data.ts';
import { decodeEnvelope } from '../../src/broker/envelope.ts';
import {
  decodeHandshake,
  encodeHandshake,
  readFilter,
  writeFilter,
} from '../../src/broker/handshake-messages.ts';
import { eventToData, readMessages, type ZeekEvent } from '../../src/broker/zeek-event.ts';
import { type Direction, NATIVE_RECORDINGS, recordedFrames } from '../support/broker-recordings.ts';
import { encodeData } from '../support/broker-values.ts';
import { type SessionUnderTest, startSession } from '../support/fake-wire.ts';
import { naiveEnvelope, naiveFrame } from '../support/naive-broker.ts';

const US = '22222222-2222-4222-8222-222222222222';
const THEM = '11111111-1111-4111-8111-111111111111';
const NIL = '00000000-0000-0000-0000-000000000000';

/** A goodbye's token is the speaker's own affair. */
const maskFarewell = (bytes: Buffer) =>
  bytes.toString('hex').replaceAll(/(424559|425945)[0-9a-f]{16}/g, '$1');

for (const name of NATIVE_RECORDINGS) {
  for (const [side, ours] of [
    ['connecting', 'connecting>listening'],
    ['accepting', 'listening>connecting'],
  ] as const) {
    for (const chunkSize of [1, 7, 100_000]) {
      test(`as the ${side} side of ${name} it says what the real program said, byte for byte (chunks of ${chunkSize})`, async () => {
        await replay(name, side, ours, chunkSize);
      });
    }
  }
}

async function replay(name: string, side: 'connecting' | 'accepting', ours: Direction, chunkSize: number) {
  const frames = recordedFrames(name);
  const opening = frames.filter((frame) => frame.direction === ours).slice(0, 4);
  const messages = opening
    .filter((frame) => frame.bytes.length !== 51)
    .map((frame) => tryHandshake(frame.bytes));
  const endpointId = messages
    .map((message) => (message && 'id' in message ? message.id : undefined))
    .find(Boolean);
  const filter = messages
    .map((message) => (message && 'filter' in message ? message.filter : undefined))
    .find(Boolean);
  assert.ok(endpointId && filter);
  const { session, wire, told } = startSession({ side, endpointId, filter });
  const expected: Buffer[] = [];
  const events: [string, ZeekEvent][] = [];
  let leaving: Promise<void> | undefined;
  for (const { direction, bytes } of frames) {
    const envelope = told.remote && bytes.length >= 37 ? decodeEnvelope(bytes) : undefined;
    const foreignLog = envelope?.topic.startsWith('zeek/logs/') ?? false;
    if (direction !== ours) {
      if (envelope?.kind === 'data' && !foreignLog) {
        const [message] = readMessages(decodeData(envelope.payload));
        if (message?.type === 'event') events.push([envelope.topic, message.event]);
      }
      const frame = naiveFrame(bytes);
      for (let at = 0; at < frame.length; at += chunkSize)
        session.receive(frame.subarray(at, at + chunkSize));
      continue;
    }
    if (foreignLog) continue;
    expected.push(naiveFrame(bytes));
    if (envelope?.kind === 'data') {
      const [message] = readMessages(decodeData(envelope.payload));
      // The ping and pong programs of Broker's own tests send values that are no Zeek events.
      if (message?.type === 'event') await session.lifecycle.send(envelope.topic, [message.event]);
      else expected.pop();
    }
    if (envelope?.kind === 'routing-update')
      session.lifecycle.subscribe(readFilter(new ByteReader(envelope.payload)));
    if (envelope?.kind === 'ping') leaving = session.lifecycle.leave();
  }
  assert.equal(maskFarewell(wire.written), maskFarewell(Buffer.concat(expected)));
  assert.deepEqual(
    told.events,
    events.map(([topic, event]) => ({ topic, event })),
  );
  session.ended();
  await leaving;
  assert.equal(told.closed?.code, leaving ? 'left' : 'goodbye');
}

function tryHandshake(bytes: Uint8Array) {
  try {
    return decodeHandshake(bytes);
  } catch {
    return undefined;
  }
}

/** A session of ours peered with a scripted peer, nothing written yet. */
function peered(
  filter: readonly string[] = ['/us'],
  remoteFilter: readonly string[] = ['/them'],
): SessionUnderTest {
  const under = startSession({ side: 'connecting', endpointId: US, filter });
  under.session.receive(encodeHandshake({ type: 'version-select', id: THEM, version: 1 }));
  under.session.receive(encodeHandshake({ type: 'originator-syn', filter: remoteFilter }));
  under.session.receive(encodeHandshake({ type: 'originator-ack' }));
  assert.ok(under.told.remote);
  under.wire.clear();
  return under;
}

const event = (name: string): ZeekEvent => ({ name, args: [] });
const dataFrame = (topic: string, payload: Uint8Array, receiver = NIL) =>
  naiveEnvelope(THEM, receiver, 1, topic, payload);
const eventFrame = (topic: string, name: string, receiver = NIL) =>
  dataFrame(topic, encodeData(eventToData(event(name))), receiver);
const word = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};

test("what is not for us is ignored: other receivers, other topics, commands, Zeek's own messages", () => {
  const { session, told, wire } = peered(['/us']);
  session.receive(eventFrame('/us', 'for everybody'));
  session.receive(eventFrame('/us/below', 'for us', US));
  session.receive(eventFrame('/us', 'for another', THEM));
  session.receive(eventFrame('/other', 'elsewhere'));
  session.receive(naiveEnvelope(THEM, NIL, 2, '/us', Buffer.from('a command')));
  session.receive(dataFrame('/us', Buffer.from('0e0302000000000000000102000000000000000200', 'hex')));
  assert.deepEqual(told.events, [
    { topic: '/us', event: event('for everybody') },
    { topic: '/us/below', event: event('for us') },
  ]);
  assert.deepEqual(told.problems, []);
  assert.equal(wire.written.length, 0);
});

test('after a close during incoming events no more are delivered, be they in the same message or the same chunk', () => {
  for (const together of [true, false]) {
    const under = peered();
    void under.told.until(({ events }) => {
      if (events.length > 0 && !under.told.closed) under.session.lifecycle.close('left', 'enough');
      return events.length > 0;
    });
    const batch = vector([
      count(1),
      count(5),
      vector(['first', 'second'].map((name) => eventToData(event(name)))),
    ]);
    const frames = together
      ? [dataFrame('/us', encodeData(batch))]
      : [eventFrame('/us', 'first'), eventFrame('/us', 'second')];
    under.session.receive(Buffer.concat(frames));
    assert.deepEqual(under.told.events, [{ topic: '/us', event: event('first') }]);
    assert.deepEqual(under.told.closed, { code: 'left', message: 'enough', refused: false });
  }
});

test('an invalid message is reported and skipped; the connection stays up', () => {
  const { session, told } = peered();
  session.receive(dataFrame('/us', Buffer.from('0f', 'hex')));
  session.receive(dataFrame('/us', encodeData(count(1))));
  session.receive(eventFrame('/us', 'after'));
  assert.deepEqual(told.problems, [
    'peer:1: invalid message on /us: unknown data type tag 15 (at offset 0) (unknown-tag)',
    'peer:1: a message on /us: expected a message [count format, count type, content], got count',
  ]);
  assert.equal(told.events.length, 1);
  assert.equal(told.closed, undefined);
});

test('a frame that is no envelope or beyond the bound ends the connection with the reason', () => {
  for (const [bytes, code, text] of [
    [Buffer.from('0000000101', 'hex'), 'protocol', /truncated/],
    [Buffer.from('00000000', 'hex'), 'protocol', /frame-empty/],
    [Buffer.from('00100001', 'hex'), 'frame-too-large', /a frame of 1048577 bytes, the limit is 1048576/],
  ] as const) {
    const { session, told, wire } = peered();
    session.receive(bytes);
    assert.equal(told.closed?.code, code);
    assert.match(told.closed.message, text);
    assert.equal(wire.ended, 'flushed');
    session.receive(eventFrame('/us', 'too late'));
    assert.deepEqual(told.events, []);
  }
});

test('a ping is answered by its own payload, sender and receiver swapped', () => {
  const { session, wire } = peered();
  session.receive(naiveEnvelope(THEM, US, 4, '<$>', Buffer.from('anything')));
  assert.deepEqual(wire.written, naiveEnvelope(US, THEM, 5, '<$>', Buffer.from('anything')));
});

test('a peer that pings and does not read its answers is read from again when they have gone out', () => {
  const { session, wire } = peered();
  wire.taking = false;
  session.receive(naiveEnvelope(THEM, US, 4, '<$>', Buffer.from('1')));
  session.receive(naiveEnvelope(THEM, US, 4, '<$>', Buffer.from('2')));
  assert.equal(wire.paused, true);
  wire.taking = true;
  session.drained();
  assert.equal(wire.paused, false);
});

test('a confirmation waits for the pong of a ping that went out after what was sent', async () => {
  const { session, wire } = peered();
  await session.lifecycle.send('/them', [event('row')]);
  let confirmed = false;
  const confirming = session.lifecycle.confirm().then(() => {
    confirmed = true;
  });
  await new Promise(setImmediate);
  const sent = eventFrameOf(US, '/them', 'row');
  assert.deepEqual(wire.written, Buffer.concat([sent, naiveEnvelope(US, THEM, 4, '<$>', word(1n))]));
  session.receive(naiveEnvelope(THEM, US, 5, '<$>', word(7n)));
  await new Promise(setImmediate);
  assert.equal(confirmed, false);
  session.receive(naiveEnvelope(THEM, US, 5, '<$>', word(1n)));
  await confirming;
});

const eventFrameOf = (sender: string, topic: string, name: string) =>
  naiveEnvelope(sender, NIL, 1, topic, encodeData(eventToData(event(name))));

test('a confirmation is rejected when the connection closes first', async () => {
  const { session } = peered();
  const confirming = session.lifecycle.confirm();
  await new Promise(setImmediate);
  session.lifecycle.close('reset', 'gone');
  await assert.rejects(confirming, { name: 'ConnectionError', code: 'reset', message: 'gone' });
});

test('sending waits while the stream takes no more, and for a peer that confirms nothing', async () => {
  const { session, wire } = peered();
  wire.taking = false;
  let sent = 0;
  const sending = session.lifecycle.send('/them', [event('first')]).then(() => {
    sent += 1;
  });
  await new Promise(setImmediate);
  assert.equal(sent, 0);
  wire.taking = true;
  session.drained();
  await sending;

  const big: ZeekEvent = { name: 'big', args: [string('x'.repeat(10_000))] };
  const many = session.lifecycle
    .send(
      '/them',
      Array.from({ length: 100 }, () => big),
    )
    .then(() => {
      sent += 1;
    });
  await new Promise(setImmediate);
  assert.equal(sent, 1);
  assert.ok(wire.written.length < 150_000, `${wire.written.length} bytes under way unconfirmed`);
  for (let token = 1n; sent < 2; token += 1n) {
    session.receive(naiveEnvelope(THEM, US, 5, '<$>', word(token)));
    await new Promise(setImmediate);
    assert.ok(token < 1_000n);
  }
  await many;
});

test('an event that cannot be encoded is left out, reported once, and those around it pass', async () => {
  const { session, wire, told } = peered();
  const wrong: ZeekEvent = { name: 'e', args: [{ type: 'port', number: -1, protocol: 'tcp' }] };
  const leftOut: unknown[] = [];
  await session.lifecycle.send(
    '/them',
    [event('first'), wrong, event('between'), wrong, event('last')],
    (...what) => leftOut.push(what),
  );
  assert.deepEqual(leftOut, [
    [1, 'unsendable'],
    [3, 'unsendable'],
  ]);
  const written = wire.written.toString('latin1');
  assert.deepEqual(
    ['first', 'between', 'last'].filter((name) => !written.includes(name)),
    [],
  );
  assert.deepEqual(told.problems, [
    "peer:1: event e can't be sent: -1 is not a valid port (0..65535) (at offset 28) (bad-value); dropped, as will be others of its kind",
  ]);
});

test('send reports the events that were left out for lack of a subscriber', async () => {
  const { session, wire } = peered();
  const before = wire.written.length;
  const leftOut: unknown[] = [];
  await session.lifecycle.send('/elsewhere', [event('first'), event('second')], (...what) =>
    leftOut.push(what),
  );
  assert.deepEqual(leftOut, [
    [0, 'unheard'],
    [1, 'unheard'],
  ]);
  assert.equal(wire.written.length, before);
});

test('a topic without a subscriber is reported once, and once more when the subscriptions have changed', async () => {
  const { session, told } = peered();
  const word = 'peer:1: does not subscribe to a prefix of /elsewhere: events on that topic are not sent';
  for (let time = 0; time < 2; time += 1) await session.lifecycle.send('/elsewhere', [event('e')]);
  assert.deepEqual(told.problems, [word]);
  const filter = new ByteWriter(64);
  writeFilter(filter, ['/them', '/more']);
  session.receive(naiveEnvelope(THEM, US, 3, '<$>', filter.take()));
  assert.deepEqual(told.filters, [['/them', '/more']]);
  for (let time = 0; time < 2; time += 1) await session.lifecycle.send('/elsewhere', [event('e')]);
  assert.deepEqual(told.problems, [word, word]);
});

test('what waits its turn when the connection closes is rejected, and not written', async () => {
  const { session, wire } = peered();
  wire.taking = false;
  const calls = ['first', 'second', 'third'].map((name) => session.lifecycle.send('/them', [event(name)]));
  const confirmed = session.lifecycle.confirm();
  await new Promise(setImmediate);
  const before = wire.written.length;
  session.lifecycle.close('reset', 'gone');
  const reason = { name: 'ConnectionError', code: 'reset', message: 'gone' };
  for (const call of [...calls, confirmed]) await assert.rejects(call, reason);
  assert.equal(wire.written.length, before);
  await assert.rejects(session.lifecycle.send('/them', [event('later')]), {
    name: 'ConnectionError',
    code: 'reset',
  });
});

test('calls that are not awaited are bounded', async () => {
  const { session, wire } = peered();
  wire.taking = false;
  const calls = Array.from({ length: 1_005 }, () => session.lifecycle.send('/them', [event('row')]));
  const refused = await Promise.allSettled(calls.slice(1_001));
  for (const result of refused) {
    assert.equal(result.status === 'rejected' && result.reason.code, 'overflow');
  }
  session.lifecycle.close('left', 'end');
  await Promise.allSettled(calls);
});

test('a silent peer is pinged, suspected and declared lost in bounded time', () => {
  const { told, clock, wire } = peered();
  clock.advance(DEFAULT_TIMINGS.idle - 1);
  assert.equal(wire.written.length, 0);
  clock.advance(1);
  assert.deepEqual(wire.written, naiveEnvelope(US, THEM, 4, '<$>', word(1n)));
  clock.advance(DEFAULT_TIMINGS.suspect);
  assert.deepEqual(told.suspects, [true]);
  clock.advance(DEFAULT_TIMINGS.unresponsive);
  assert.deepEqual(told.closed, {
    code: 'unresponsive',
    message: 'peer:1 sent nothing for 30000 ms, the limit is 30000 ms',
    refused: false,
  });
  assert.equal(clock.pending, 0);
});

test('a suspect that answers is trusted again, and pinged again after the next silence', () => {
  const { session, told, clock, wire } = peered();
  clock.advance(DEFAULT_TIMINGS.idle + DEFAULT_TIMINGS.suspect);
  session.receive(naiveEnvelope(THEM, US, 5, '<$>', word(1n)));
  assert.deepEqual(told.suspects, [true, false]);
  wire.clear();
  clock.advance(DEFAULT_TIMINGS.idle + DEFAULT_TIMINGS.suspect);
  assert.deepEqual(wire.written, naiveEnvelope(US, THEM, 4, '<$>', word(2n)));
  assert.deepEqual(told.suspects, [true, false, true]);
  assert.equal(told.closed, undefined);
});

test('a goodbye is sent, its answer awaited for 3 s at most', async () => {
  const answered = peered();
  const leaving = answered.session.lifecycle.leave();
  assert.match(answered.wire.written.toString('latin1'), /<\$>BYE/);
  await assert.rejects(answered.session.lifecycle.send('/them', []), { code: 'not-up' });
  answered.session.receive(naiveEnvelope(THEM, US, 5, '<$>', Buffer.from('BYE\0\0\0\0\0\0\0\0')));
  await leaving;
  assert.equal(answered.told.closed?.code, 'left');

  const silent = peered();
  const giving = silent.session.lifecycle.leave();
  silent.clock.advance(3_000);
  await giving;
  assert.equal(silent.told.closed?.code, 'left');
  assert.equal(silent.clock.pending, 0);
});

test('a filter that changes during the handshake reaches the peer as a routing update', () => {
  const { session, wire } = startSession({ side: 'connecting', endpointId: US, filter: ['/old'] });
  session.receive(encodeHandshake({ type: 'version-select', id: THEM, version: 1 }));
  session.receive(encodeHandshake({ type: 'originator-syn', filter: [] }));
  session.lifecycle.subscribe(['/new']);
  wire.clear();
  session.receive(encodeHandshake({ type: 'originator-ack' }));
  assert.deepEqual(wire.written, naiveEnvelope(US, THEM, 3, '<$>', Buffer.from('\x01\x04/new')));
});

test('a peer that is not a Broker is identified', () => {
  for (const [first, code, text] of [
    [Buffer.from('16030101210100011d', 'hex'), 'tls-mismatch', /uses TLS/],
    [Buffer.from('15030100020246', 'hex'), 'tls-mismatch', /uses TLS/],
    [Buffer.from('HTTP/1.1 400 Bad Request\r\n'), 'protocol', /is an HTTP server/],
    [Buffer.from('SSH-2.0-OpenSSH_9.9\r\n'), 'protocol', /SSH/],
    [Buffer.from('220 mail'), 'frame-too-large', /the limit is 1048576/],
  ] as const) {
    const { session, told } = startSession({ side: 'connecting', endpointId: US });
    session.receive(first);
    assert.equal(told.closed?.code, code);
    assert.match(told.closed.message, text);
  }
});

test('a wrong magic number is answered with code 38', () => {
  const { session, told, wire } = startSession({ side: 'accepting', endpointId: US });
  wire.clear();
  session.receive(naiveFrame(Buffer.from(`06cafecafe${'11'.repeat(16)}0101`, 'hex')));
  assert.equal(told.closed?.code, 'protocol');
  const answer = decodeHandshake(wire.written.subarray(4));
  assert.ok(answer.type === 'drop-conn' && answer.code === 38 && answer.id === US);
});

test('a peer that says nothing or stops halfway is given up after the handshake timeout', () => {
  const silent = startSession({ side: 'connecting', endpointId: US });
  silent.clock.advance(DEFAULT_TIMINGS.handshake);
  assert.deepEqual(silent.told.closed, {
    code: 'handshake-timeout',
    message: 'peer:1 sent nothing within 10000 ms',
    refused: false,
  });
});
