import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsPacing, pacedChannel } from '../../src/broker/paced-channel.ts';
import type { ZeekEvent } from '../../src/broker/zeek-event.ts';

const events = (count: number): ZeekEvent[] =>
  Array.from({ length: count }, (_, n) => ({ name: `e${n}`, args: [] }));

test('no more than 8 events go before the server has taken those before, of whoever sends', async () => {
  const said: string[] = [];
  const channel = pacedChannel({
    async send(topic, some, onLeftOut) {
      said.push(`${topic}: ${some[0]?.name} to ${some.at(-1)?.name}`);
      if (some.length === 4) onLeftOut?.(3, { code: 'too-long', message: 'x' } as never);
    },
    async confirm() {
      said.push('taken');
    },
  });
  const left: number[] = [];
  await Promise.all([
    channel.send('a', events(20), (index) => left.push(index)),
    channel.send('b', events(1)),
  ]);
  assert.deepEqual(said, [
    ...['a: e0 to e7', 'taken', 'a: e8 to e15', 'taken', 'a: e16 to e19', 'taken'],
    ...['b: e0 to e0', 'taken'],
  ]);
  assert.deepEqual(left, [19]);
});

test('one that fails leaves the next its turn', async () => {
  let times = 0;
  const channel = pacedChannel({
    async send() {
      times += 1;
      if (times === 1) throw new Error('closed');
    },
    confirm: async () => {},
  });
  const first = channel.send('a', events(1));
  const second = channel.send('a', events(1));
  await assert.rejects(first, /closed/);
  await second;
  assert.equal(times, 2);
});

test("Broker's own server alone is waited for", () => {
  assert.equal(needsPacing('wss-anonymous', '8.0.10'), true);
  assert.equal(needsPacing('wss', '2.8.0-dev'), true);
  assert.equal(needsPacing('wss', '8.0.10'), false);
  assert.equal(needsPacing('wss', ''), false);
  assert.equal(needsPacing('ws', '2.8.0-dev'), false);
});
