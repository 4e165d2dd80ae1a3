import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBus } from '../../../../src/bus/bus.ts';
import { watchForSameZeek } from '../../../../src/cli/extension/observation/same-zeek.ts';

test('two addresses of one Zeek are reported once, and others never', () => {
  const bus = createBus({ now: () => 0, onFailure: (error) => assert.fail(String(error)) });
  const told: (readonly [string, string])[] = [];
  watchForSameZeek(bus, (peer, other) => told.push([peer, other]));
  const up = (peer: string, incarnation: string) =>
    bus.publish({
      type: 'peer.up',
      peer,
      incarnation,
      transport: 'tcp',
      authenticated: false,
    });
  const down = (peer: string) =>
    bus.publish({ type: 'peer.down', peer, code: 'reset', reason: 'cut', retryIn: 1_000 });
  up('zeek:9999', 'one');
  up('other:9999', 'two');
  up('ws://zeek:9997', 'one');
  down('zeek:9999');
  up('zeek:9999', 'one');
  down('other:9999');
  up('ws://other:9997', 'two');
  assert.deepEqual(told, [['ws://zeek:9997', 'zeek:9999']]);
});
