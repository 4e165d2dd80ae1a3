import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HostPosition, Outflow } from '../../src/gateway/outflow.ts';

/** An outflow over a link that a spec opens, closes and confirms. */
function harness() {
  const sent: { topic: string; messages: string[] }[] = [];
  const marks: bigint[] = [];
  const turns: (() => void)[] = [];
  const crowds: boolean[] = [];
  const link = {
    isOpen: true,
    send(topic: string, messages: readonly Uint8Array[]) {
      sent.push({ topic, messages: messages.map((message) => Buffer.from(message).toString()) });
      return messages.reduce((sum, message) => sum + message.length, 0);
    },
    mark: (token: bigint) => void marks.push(token),
  };
  const outflow = new Outflow({
    link,
    now: () => 0,
    soon: (callback) => void turns.push(callback),
    onCrowded: (crowded) => void crowds.push(crowded),
  });
  const turn = () => {
    for (const callback of turns.splice(0)) callback();
  };
  return { outflow, link, sent, marks, turn, crowds };
}

const bytes = (text: string) => Buffer.from(text);

test('messages of a turn for one topic go out together', () => {
  const { outflow, sent, turn } = harness();
  outflow.offer({ last: 0 }, 'a', [bytes('1')]);
  outflow.offer({ last: 0 }, 'b', [bytes('2')]);
  outflow.offer({ last: 0 }, 'a', [bytes('3')]);
  assert.deepEqual(sent, []);
  turn();
  assert.deepEqual(sent, [
    { topic: 'a', messages: ['1', '3'] },
    { topic: 'b', messages: ['2'] },
  ]);
});

test('each host has its order across topics, whatever is gathered', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(3), fc.constantFrom('a', 'b', 'c'), fc.boolean()), { maxLength: 60 }),
      (steps) => {
        const { outflow, sent, turn } = harness();
        const positions: HostPosition[] = [0, 1, 2, 3].map(() => ({ last: 0 }));
        const expected = new Map<number, string[]>();
        for (const [at, [host, topic, ends]] of steps.entries()) {
          const position = positions[host];
          if (position) outflow.offer(position, topic, [bytes(`${host}:${at}:${topic}`)]);
          expected.set(host, [...(expected.get(host) ?? []), `${host}:${at}:${topic}`]);
          if (ends) turn();
        }
        turn();
        const came = sent.flatMap(({ topic, messages }) => messages.map((message) => ({ topic, message })));
        assert(came.every(({ topic, message }) => message.endsWith(`:${topic}`)));
        for (const [host, messages] of expected) {
          const own = came.map(({ message }) => message).filter((message) => message.startsWith(`${host}:`));
          assert.deepEqual(own, messages);
        }
      },
    ),
  );
});

test('a ping is answered when the Zeek has confirmed what its host sent before, and not sooner', () => {
  const { outflow, marks, turn } = harness();
  const host: HostPosition = { last: 0 };
  const answers: string[] = [];
  outflow.ping(host, () => answers.push('nothing before'));
  assert.deepEqual(answers, ['nothing before']);
  outflow.offer(host, 'a', [bytes('1')]);
  outflow.ping(host, () => answers.push('one'));
  turn();
  assert.deepEqual(answers, ['nothing before']);
  outflow.offer(host, 'a', [bytes('2')]);
  outflow.ping(host, () => answers.push('two'));
  turn();
  assert.equal(marks.length, 2);
  outflow.confirmed(marks[0] ?? 0n);
  assert.deepEqual(answers, ['nothing before', 'one']);
  outflow.confirmed(marks[1] ?? 0n);
  assert.deepEqual(answers, ['nothing before', 'one', 'two']);
  outflow.confirmed(99n);
});

test('what a closed link does not take waits, is not marked, and crowds', () => {
  const { outflow, link, sent, marks, turn, crowds } = harness();
  const host: HostPosition = { last: 0 };
  link.isOpen = false;
  let isAnswered = false;
  for (let at = 0; at < 5; at += 1) outflow.offer(host, 'a', [Buffer.alloc(1024 * 1024)]);
  outflow.ping(host, () => {
    isAnswered = true;
  });
  turn();
  assert.deepEqual([sent.length, marks.length, crowds], [0, 0, [true]]);
  link.isOpen = true;
  outflow.room();
  for (let round = 0; round < 50 && !isAnswered; round += 1) {
    for (const token of marks.splice(0)) outflow.confirmed(token);
  }
  assert.equal(sent.length, 5);
  assert.equal(isAnswered, true);
  assert.deepEqual(crowds, [true, false]);
});
