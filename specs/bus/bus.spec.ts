import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBus } from '../../src/bus/bus.ts';
import type { Published } from '../../src/bus/messages.ts';
import { matches } from '../../src/bus/subject.ts';

const suspect = (peer: string) => ({ type: 'peer.suspect', peer, suspect: true }) as const;

function recordingBus() {
  const failures: [unknown, string][] = [];
  let time = 1000;
  const bus = createBus({
    now: () => time++,
    onFailure: (error, message) => failures.push([error, message.subject]),
  });
  return { bus, failures };
}

test('subjects match by token, * is one and a last > one or more', () => {
  const cases: readonly [string, string, boolean][] = [
    ['peer.a.up', 'peer.a.up', true],
    ['peer.*.up', 'peer.a.up', true],
    ['peer.*.up', 'peer.a.down', false],
    ['peer.*', 'peer.a.up', false],
    ['peer.>', 'peer.a.up', true],
    ['peer.>', 'peer', false],
    ['>', 'peer', true],
    ['peer.a.up', 'peer.a', false],
    ['*.*.*', 'peer.a.up', true],
  ];
  for (const [pattern, subject, expected] of cases) {
    assert.equal(matches(pattern, subject), expected, `${pattern} ${subject}`);
  }
});

test('a message is stamped with subject, order and time', () => {
  const { bus } = recordingBus();
  const seen: Published[] = [];
  bus.subscribe(['>'], (message) => seen.push(message));
  bus.publish(suspect('bro.example:9999'));
  assert.deepEqual(seen, [
    {
      type: 'peer.suspect',
      peer: 'bro.example:9999',
      suspect: true,
      at: 1000,
      sequence: 1,
      subject: 'peer.bro%2Eexample:9999.suspect',
    },
  ]);
});

test('a failing subscriber is isolated and reported', () => {
  const { bus, failures } = recordingBus();
  const seen: string[] = [];
  const failure = new Error('no');
  bus.subscribe(['>'], () => {
    throw failure;
  });
  bus.subscribe(['>'], (message) => seen.push(message.subject));
  bus.publish(suspect('a'));
  assert.deepEqual(seen, ['peer.a.suspect']);
  assert.deepEqual(failures, [[failure, 'peer.a.suspect']]);
});

test('what is published from within a subscriber comes after, for every subscriber', () => {
  const { bus } = recordingBus();
  const first: string[] = [];
  const second: string[] = [];
  bus.subscribe(['peer.a.*'], () => bus.publish(suspect('b')));
  bus.subscribe(['>'], (message) => first.push(message.subject));
  bus.subscribe(['>'], (message) => second.push(message.subject));
  bus.publish(suspect('a'));
  assert.deepEqual(first, ['peer.a.suspect', 'peer.b.suspect']);
  assert.deepEqual(second, first);
});

test('an ended subscription sees nothing more', () => {
  const { bus } = recordingBus();
  const seen: string[] = [];
  const end = bus.subscribe(['>'], (message) => seen.push(message.subject));
  bus.publish(suspect('a'));
  end();
  bus.publish(suspect('b'));
  assert.deepEqual(seen, ['peer.a.suspect']);
});
