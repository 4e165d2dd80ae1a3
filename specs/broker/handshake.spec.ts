import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  continueHandshake,
  type HandshakeSelf,
  type HandshakeStep,
  startHandshake,
} from '../../src/broker/handshake.ts';
import {
  decodeHandshake,
  encodeHandshake,
  type HandshakeMessage,
} from '../../src/broker/handshake-messages.ts';
import { startSession } from '../support/fake-wire.ts';

const SMALL = '00000000-0000-4000-8000-0000000000aa';
const LARGE = 'ffffffff-ffff-4fff-bfff-ffffffffffbb';

const self = (id: string, admits = true): HandshakeSelf => ({
  id,
  filter: [`/${id[0]}`],
  admit: () => admits,
  connected: () => true,
});

/** Plays both sides against each other until nobody has anything to say; the messages in order. */
function play(connecting: HandshakeSelf, accepting: HandshakeSelf) {
  const said: string[] = [];
  let near = startHandshake('connecting', connecting);
  let far = startHandshake('accepting', accepting);
  let toFar = [...near.send];
  let toNear = [...far.send];
  while (toFar.length > 0 || toNear.length > 0) {
    const message = toFar.shift();
    if (message) {
      said.push(`> ${message.type}`);
      far = continueHandshake(far.state, message, accepting);
      toNear = [...toNear, ...far.send];
      continue;
    }
    const answer = toNear.shift();
    if (answer) {
      said.push(`< ${answer.type}`);
      near = continueHandshake(near.state, answer, connecting);
      toFar = [...toFar, ...near.send];
    }
  }
  return { near: near.state, far: far.state, said };
}

test('the accepting side originates when its id is smaller', () => {
  assert.deepEqual(play(self(LARGE), self(SMALL)), {
    near: { at: 'peered', remoteId: SMALL, filter: ['/0'], role: 'responder' },
    far: { at: 'peered', remoteId: LARGE, filter: ['/f'], role: 'originator' },
    said: [
      '> hello',
      '< probe',
      '< version-select',
      '< originator-syn',
      '> responder-syn-ack',
      '< originator-ack',
    ],
  });
});

test('the connecting side originates when its id is smaller', () => {
  assert.deepEqual(play(self(SMALL), self(LARGE)), {
    near: { at: 'peered', remoteId: LARGE, filter: ['/f'], role: 'originator' },
    far: { at: 'peered', remoteId: SMALL, filter: ['/0'], role: 'responder' },
    said: [
      '> hello',
      '< probe',
      '< hello',
      '> version-select',
      '> originator-syn',
      '< responder-syn-ack',
      '> originator-ack',
    ],
  });
});

test('a peer that is connected already is dropped with code 39, by either side', () => {
  for (const { near, far } of [
    play(self(SMALL, false), self(LARGE)),
    play(self(SMALL), self(LARGE, false)),
    play(self(LARGE, false), self(SMALL)),
    play(self(LARGE), self(SMALL, false)),
  ]) {
    for (const state of [near, far]) {
      assert.equal(state.at, 'failed');
      assert.ok(state.at === 'failed' && state.failure.code === 'redundant' && !state.failure.refused);
    }
  }
});

const failure = (step: HandshakeStep) => [
  step.state.at === 'failed' ? [step.state.failure.code, step.state.failure.refused] : step.state.at,
  step.send.map((message) => (message.type === 'drop-conn' ? message.code : message.type)),
];

test('versions that this program does not speak are refused with code 2 and named', () => {
  const start = startHandshake('accepting', self(SMALL)).state;
  for (const [minVersion, maxVersion] of [
    [2, 3],
    [0, 0],
  ] as const) {
    const step = continueHandshake(start, { type: 'hello', id: LARGE, minVersion, maxVersion }, self(SMALL));
    assert.deepEqual(failure(step), [['incompatible', true], [2]]);
  }
  const wide = continueHandshake(
    start,
    { type: 'hello', id: LARGE, minVersion: 0, maxVersion: 9 },
    self(SMALL),
  );
  assert.equal(wide.state.at, 'awaitResponderSynAck');
  const connecting = startHandshake('connecting', self(LARGE)).state;
  const selected = continueHandshake(
    connecting,
    { type: 'version-select', id: SMALL, version: 2 },
    self(LARGE),
  );
  assert.deepEqual(failure(selected), [['incompatible', true], [2]]);
});

test('each code of a drop_conn has its meaning', () => {
  const start = startHandshake('connecting', self(LARGE)).state;
  const told = (code: number) =>
    failure(continueHandshake(start, { type: 'drop-conn', id: SMALL, code, reason: '' }, self(LARGE)));
  assert.deepEqual(told(2), [['incompatible', true], []]);
  assert.deepEqual(told(39), [['redundant', false], []]);
  assert.deepEqual(told(40), [['redundant', false], []]);
  assert.deepEqual(told(28), [['goodbye', false], []]);
  assert.deepEqual(told(38), [['protocol', false], []]);
  assert.deepEqual(told(1), [['refused', true], []]);
  assert.deepEqual(told(200), [['refused', true], []]);
});

test('a peer that refuses a redundant connection unknown to us still considers a lost one alive', () => {
  const lost = { ...self(LARGE), connected: () => false };
  const start = startHandshake('connecting', lost).state;
  const step = continueHandshake(
    start,
    { type: 'drop-conn', id: SMALL, code: 39, reason: 'redundant' },
    lost,
  );
  assert.deepEqual(failure(step), [['stale', false], []]);
});

test('a connection to ourselves is recognised', () => {
  const { near, far } = play(self(SMALL), self(SMALL));
  assert.deepEqual([near.at, far.at], ['failed', 'failed']);
});

const arbitraryId = fc.constantFrom(SMALL, LARGE, '77777777-7777-4777-8777-777777777777');
const arbitraryFilter = fc.array(fc.string(), { maxLength: 3 });
const PLAIN = { noNullPrototype: true };
const arbitraryMessage: fc.Arbitrary<HandshakeMessage> = fc.oneof(
  fc.record(
    {
      type: fc.constant('hello' as const),
      id: arbitraryId,
      minVersion: fc.nat(2),
      maxVersion: fc.nat(2),
    },
    PLAIN,
  ),
  fc.constant({ type: 'probe' as const }),
  fc.record({ type: fc.constant('version-select' as const), id: arbitraryId, version: fc.nat(2) }, PLAIN),
  fc.record(
    {
      type: fc.constant('drop-conn' as const),
      id: arbitraryId,
      code: fc.nat(255),
      reason: fc.string(),
    },
    PLAIN,
  ),
  fc.record({ type: fc.constant('originator-syn' as const), filter: arbitraryFilter }, PLAIN),
  fc.record({ type: fc.constant('responder-syn-ack' as const), filter: arbitraryFilter }, PLAIN),
  fc.constant({ type: 'originator-ack' as const }),
);

test('any message of a handshake survives the round trip', () => {
  fc.assert(
    fc.property(arbitraryMessage, (message) => {
      assert.deepEqual(decodeHandshake(encodeHandshake(message).subarray(4)), message);
    }),
  );
});

test('any sequence of messages, in chunks of any size, ends in peered or closed and never stays between', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('connecting' as const, 'accepting' as const),
      fc.constantFrom('77777777-7777-4777-8777-777777777777', SMALL, LARGE),
      fc.array(arbitraryMessage, { maxLength: 8 }),
      fc.integer({ min: 1, max: 64 }),
      (side, endpointId, messages, size) => {
        const { session, told, clock, wire } = startSession({ side, endpointId });
        const stream = Buffer.concat(messages.map(encodeHandshake));
        for (let at = 0; at < stream.length; at += size) session.receive(stream.subarray(at, at + size));
        clock.advance(60_000);
        assert.ok(told.closed !== undefined);
        assert.ok(wire.ended !== 'no');
        assert.equal(clock.pending, 0);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('any order in which the right messages come ends in peered or closed', () => {
  const right: Record<'connecting' | 'accepting', HandshakeMessage[]> = {
    connecting: [
      { type: 'probe' },
      { type: 'version-select', id: SMALL, version: 1 },
      { type: 'originator-syn', filter: ['/a'] },
      { type: 'originator-ack' },
    ],
    accepting: [
      { type: 'hello', id: SMALL, minVersion: 1, maxVersion: 1 },
      { type: 'version-select', id: SMALL, version: 1 },
      { type: 'originator-syn', filter: ['/a'] },
      { type: 'originator-ack' },
    ],
  };
  let peered = 0;
  for (const side of ['connecting', 'accepting'] as const) {
    for (const order of permutations(right[side])) {
      const { session, told } = startSession({ side, endpointId: LARGE });
      for (const message of order) session.receive(encodeHandshake(message));
      assert.ok(told.remote !== undefined || told.closed !== undefined);
      if (told.closed === undefined) peered += 1;
    }
  }
  // The one right order of each side.
  assert.equal(peered, 2);
});

function permutations<T>(values: readonly T[]): T[][] {
  if (values.length === 0) return [[]];
  return values.flatMap((value, index) =>
    permutations([...values.slice(0, index), ...values.slice(index + 1)]).map((rest) => [value, ...rest]),
  );
}
