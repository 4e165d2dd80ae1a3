import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_TIMINGS } from '../../src/broker/connection.ts';
import { ConnectionLifecycle } from '../../src/broker/connection-lifecycle.ts';
import { count, real, string, vector } from '../../src/broker/data.ts';
import { dataMembers } from '../../src/broker/json.ts';
import { decodeMessage, FENCE } from '../../src/broker/websocket-messages.ts';
import { WebSocketSession } from '../../src/broker/websocket-session.ts';
import type { WebSocketWire } from '../../src/broker/wire.ts';
import { readMessages, type ZeekEvent } from '../../src/broker/zeek-event.ts';
import { lines } from '../support/broker-recordings.ts';
import { manualClock } from '../support/manual-clock.ts';
import { recordHandlers } from '../support/recorded-connection.ts';

interface FakeWebSocket extends WebSocketWire {
  readonly sent: string[];
  readonly pings: Uint8Array[];
  taking: boolean;
  ended: string | undefined;
}

function fakeWebSocket(): FakeWebSocket {
  const wire: FakeWebSocket = {
    sent: [],
    pings: [],
    taking: true,
    ended: undefined,
    send(text) {
      wire.sent.push(Buffer.from(text).toString('utf8'));
      return wire.taking;
    },
    ping(payload) {
      wire.pings.push(payload);
      return wire.taking;
    },
    close(code, reason) {
      wire.ended = `${code} ${reason}`;
    },
    destroy() {
      wire.ended = 'destroyed';
    },
  };
  return wire;
}

function startClient(filter: readonly string[]) {
  const wire = fakeWebSocket();
  const clock = manualClock();
  const told = recordHandlers();
  const session = new WebSocketSession(
    wire,
    {
      role: { side: 'client' },
      transport: 'ws',
      authenticated: false,
    },
    new ConnectionLifecycle({ peerName: 'ws://zeek:1', filter, clock }, told.handlers),
  );
  told.take(session.lifecycle);
  session.start(DEFAULT_TIMINGS.handshake);
  const receive = (text: string) => session.receive(Buffer.from(text));
  return { session, wire, told, clock, receive };
}

const ACK = '{"type":"ack","endpoint":"2eae70ca-2018-5434-a405-86337db81a22-websocket-7","version":"8.0.10"}';

/** Of the server that Zeek had before 8.0. */
const BROKER_ACK = '{"type":"ack","endpoint":"2eae70ca-2018-5434-a405-86337db81a22","version":"2.7.0"}';

const REFUSAL = '{"type":"error","code":"deserialization_failed","context":"failed to create Zeek event"}';
const FENCED =
  '{"type":"error","code":"deserialization_failed","context":"no topic in top-level JSON object"}';

function up(filter: readonly string[] = ['/us'], ack = ACK) {
  const started = startClient(filter);
  started.receive(ack);
  started.wire.sent.length = 0;
  return started;
}

const eventOf = (text: string): ZeekEvent => {
  const message = decodeMessage(text);
  assert.ok(message.type === 'data-message');
  const [read] = readMessages(message.data);
  assert.ok(read?.type === 'event');
  return read.event;
};

test('our client sends and understands the recorded session', async () => {
  const session = lines('websocket-session');
  // Up to what Zeek refused.
  const refused = session.findIndex((line) => line.text?.includes('"type":"error"'));
  const { told, wire, receive, session: ours } = startClient(['/test/back']);
  const expected: string[] = [];
  let events = 0;
  for (const line of session.slice(0, refused - 1)) {
    const text = line.text ?? '';
    if (line.dir === 'server>client') receive(text);
    if (line.dir !== 'client>server') continue;
    expected.push(text);
    if (text.startsWith('[')) continue;
    events += 1;
    await ours.lifecycle.send('/test/hello', [eventOf(text)]);
  }
  assert.ok(events > 0);
  assert.deepEqual(wire.sent, expected);
  assert.deepEqual(told.remote, {
    incarnation: '2eae70ca-2018-5434-a405-86337db81a22',
    filter: undefined,
    transport: 'ws',
    authenticated: false,
    version: '8.0.10',
    confirms: false,
  });
  assert.deepEqual(
    told.events.map(({ topic, event }) => [topic, event.name, event.args.length]),
    [['/test/back', 'Tst::back', 16]],
  );
});

test('nothing is sent before the ack, and a server that never acks is given up', async () => {
  const { session, told, clock } = startClient([]);
  await assert.rejects(session.lifecycle.send('/t', []), { name: 'ConnectionError', code: 'not-up' });
  clock.advance(DEFAULT_TIMINGS.handshake);
  assert.equal(told.closed?.code, 'handshake-timeout');
});

test('an error of an older Zeek is reported once, with what was sent before it, without its values', async () => {
  const { session, told, receive, clock } = up(['/us'], BROKER_ACK);
  await session.lifecycle.send('/t', [{ name: 'ev', args: [string('secret'), count(1)] }]);
  await session.lifecycle.send('/u', [{ name: 'other', args: [] }]);
  receive(REFUSAL);
  const problem =
    'ws://zeek:1: Zeek reported deserialization_failed: failed to create Zeek event; last sent: other() on /u; ev(string, count) on /t';
  assert.deepEqual(told.problems, [problem]);
  for (let n = 0; n < 1_000; n += 1) receive(REFUSAL);
  clock.advance(20_000);
  session.heard();
  clock.advance(20_000);
  session.heard();
  clock.advance(20_000);
  receive(REFUSAL);
  assert.deepEqual(told.problems, [problem, problem.replace(';', ' (1001 times);')]);
  assert.equal(told.closed, undefined);
});

test("an event that JSON can't represent is left out, reported once, and those around it pass", async () => {
  const { session, told, wire } = up();
  const named = (name: string) => ({ name, args: [] });
  const endless = { name: 'endless', args: [real(Number.POSITIVE_INFINITY)] };
  const leftOut: unknown[] = [];
  await session.lifecycle.send('/t', [named('before'), endless, endless, named('after')], (...what) =>
    leftOut.push(what),
  );
  assert.deepEqual(leftOut, [
    [1, 'unsendable'],
    [2, 'unsendable'],
  ]);
  assert.deepEqual(
    wire.sent.map((text) => eventOf(text).name),
    ['before', 'after'],
  );
  assert.deepEqual(told.problems, [
    "ws://zeek:1: event endless can't be sent: JSON can't represent the real Infinity (at offset 0) (bad-value); dropped, as will be others of its kind",
  ]);
});

test('a refusal closes, to be tried again slowly', () => {
  for (const [code, context] of [
    ['invalid_application_name', 'Invalid X-Application-Name'],
    ['invalid_uri', 'Invalid URI - use /v1/messages/json'],
  ] as const) {
    const { told, receive } = startClient([]);
    receive(JSON.stringify({ type: 'error', code, context }));
    assert.deepEqual(told.closed, {
      code: 'refused',
      message: `ws://zeek:1 refused this client: ${context} (${code})`,
      refused: true,
    });
  }
});

test('each way in which a server closes has its meaning', () => {
  for (const [code, reason, meaning] of [
    [1000, '', 'reset'],
    [1001, 'bye', 'goodbye'],
    [1006, '', 'reset'],
    [1007, '', 'protocol'],
    [1008, 'no', 'refused'],
    [1009, '', 'frame-too-large'],
  ] as const) {
    const { session, told } = up();
    session.ended(code, reason);
    assert.equal(told.closed?.code, meaning);
  }
});

test('a changed filter asks for a new connection, an unchanged one does not', () => {
  const { session, told, wire } = up(['/a', '/b']);
  session.lifecycle.subscribe(['/b', '/a']);
  assert.equal(wire.ended, undefined);
  session.lifecycle.subscribe(['/a', '/c']);
  assert.equal(told.closed?.code, 'filter-changed');
  assert.equal(wire.ended, '1000 subscriptions change');
});

test('events that Zeek refuses are told to who sent them, before they are confirmed', async () => {
  const { session, wire, told, receive } = up();
  const leftOut: unknown[] = [];
  const send = (name: string, events: number) =>
    session.lifecycle.send(
      '/t',
      Array.from({ length: events }, () => ({ name, args: [count(1)] })),
      (index, why) => leftOut.push([name, index, why]),
    );
  const confirm = async (...errors: string[]) => {
    const confirming = session.lifecycle.confirm();
    await new Promise(setImmediate);
    for (const error of errors) receive(error);
    await confirming;
    return leftOut.splice(0);
  };
  await send('a', 3);
  assert.deepEqual(await confirm(FENCED), []);
  // All of one name, a part of one name, all of several names.
  await send('a', 2);
  const two = [
    ['a', 0, 'refused'],
    ['a', 1, 'refused'],
  ];
  assert.deepEqual(await confirm(REFUSAL, REFUSAL, FENCED), two);
  await send('b', 3);
  assert.deepEqual((await confirm(REFUSAL, FENCED)).length, 1);
  // From the first refusal on, a fence stands between events of different names.
  wire.sent.length = 0;
  await send('a', 1);
  await send('b', 2);
  assert.equal(wire.sent.indexOf(FENCE), 1);
  assert.deepEqual(await confirm(FENCED, REFUSAL, REFUSAL, FENCED), [
    ['b', 0, 'refused'],
    ['b', 1, 'refused'],
  ]);
  assert.deepEqual(told.problems, []);
});

test('where it is not known which events were refused, nobody is told of a certain one', async () => {
  const { session, told, receive } = up();
  const leftOut: unknown[] = [];
  const send = (name: string) =>
    session.lifecycle.send('/t', [{ name, args: [] }], (...what) => leftOut.push(what));
  await send('a');
  await send('b');
  const confirming = session.lifecycle.confirm();
  await new Promise(setImmediate);
  receive(REFUSAL);
  receive(FENCED);
  await confirming;
  assert.deepEqual(leftOut, []);
  assert.deepEqual(told.problems, [
    'ws://zeek:1: Zeek refused events a, b, 1 of 2: it has none of that name with these parameters; last sent: b() on /t; a() on /t',
  ]);
});

test('what nobody waits to hear of is asked about, and reported', async () => {
  const { session, told, wire, receive } = up();
  await session.lifecycle.send('/t', [{ name: 'hello', args: [] }]);
  assert.deepEqual(wire.sent.includes(FENCE), false);
  receive(REFUSAL);
  assert.deepEqual(wire.sent.at(-1), FENCE);
  receive(FENCED);
  assert.match(told.problems.join(), /Zeek refused events hello: it has none of that name/);
});

test('a server that answers pings and no fence is taken at its pongs', async () => {
  const { session, wire, clock } = up();
  await session.lifecycle.send('/t', [{ name: 'e', args: [] }]);
  for (const patience of [10_000, 0]) {
    const confirming = session.lifecycle.confirm();
    await new Promise(setImmediate);
    session.pong(wire.pings.at(-1) ?? new Uint8Array());
    clock.advance(patience);
    await confirming;
    await session.lifecycle.send('/t', [{ name: 'e', args: [] }]);
  }
});

test('a confirmation of an older Zeek waits for the pong of a ping sent behind the events', async () => {
  const { session, wire } = up(['/us'], BROKER_ACK);
  await session.lifecycle.send('/t', [{ name: 'e', args: [] }]);
  const confirming = session.lifecycle.confirm();
  await new Promise(setImmediate);
  assert.equal(wire.pings.length, 1);
  session.pong(wire.pings[0] ?? new Uint8Array());
  await confirming;
});

test('a silent server is pinged, suspected and declared lost', () => {
  const { told, clock, wire } = up();
  clock.advance(DEFAULT_TIMINGS.idle);
  assert.equal(wire.pings.length, 1);
  clock.advance(DEFAULT_TIMINGS.suspect + DEFAULT_TIMINGS.unresponsive);
  assert.deepEqual(told.suspects, [true]);
  assert.equal(told.closed?.code, 'unresponsive');
  assert.equal(clock.pending, 0);
});

test('invalid messages are reported and skipped; topics that we did not subscribe to are ignored', () => {
  const { told, receive } = up(['/us']);
  receive('How is it going?');
  receive('{"type":"new"}');
  receive('{"type":"data-message","topic":"/us","@data-type":"count","data":1}');
  receive(
    '{"type":"data-message","topic":"/other","@data-type":"vector","data":[{"@data-type":"count","data":1},{"@data-type":"count","data":1},{"@data-type":"vector","data":[{"@data-type":"string","data":"e"},{"@data-type":"vector","data":[]}]}]}',
  );
  assert.equal(told.problems.length, 3);
  assert.deepEqual(told.events, []);
  assert.equal(told.closed, undefined);
});

test('after a close during the events of one message no more are delivered', () => {
  const { session, told, receive } = up(['/us']);
  void told.until(({ events }) => {
    if (events.length > 0 && !told.closed) session.lifecycle.destroy();
    return events.length > 0;
  });
  const one = vector([string('e'), vector([])]);
  const batch = vector([
    count(1),
    count(5),
    vector([one, one].map((each) => vector([count(1), count(1), each]))),
  ]);
  receive(`{"type":"data-message","topic":"/us",${dataMembers(batch)}}`);
  assert.deepEqual(told.events, [{ topic: '/us', event: { name: 'e', args: [] } }]);
  assert.equal(told.closed?.code, 'left');
});

test('sending waits while the WebSocket takes no more', async () => {
  const { session, wire } = up();
  wire.taking = false;
  let sent = false;
  const sending = session.lifecycle.send('/t', [{ name: 'e', args: [] }]).then(() => {
    sent = true;
  });
  await new Promise(setImmediate);
  assert.equal(sent, false);
  wire.taking = true;
  session.drained();
  await sending;
});

test('leaving closes in good order, within 3 s', async () => {
  const { session, told, wire, clock } = up();
  const leaving = session.lifecycle.leave();
  assert.equal(wire.ended, '1000 done');
  clock.advance(3_000);
  await leaving;
  assert.equal(told.closed?.code, 'left');
});

test('an ack that comes while we are leaving changes nothing: the goodbye ends within 3 s', async () => {
  const { session, wire, told, clock, receive } = startClient([]);
  const left = session.lifecycle.leave();
  assert.equal(wire.ended, '1000 done');
  receive(ACK);
  assert.equal(told.remote, undefined);
  clock.advance(DEFAULT_TIMINGS.leave);
  await left;
  assert.equal(told.closed?.code, 'left');
});
