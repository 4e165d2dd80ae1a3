import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionError } from '../../src/broker/connection.ts';
import { InFlight } from '../../src/nats/in-flight.ts';

const MIB = 1024 * 1024;

/** Whether the promise has settled by the time that everything due has had its turn. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  const note = () => {
    pending = false;
  };
  promise.then(note, note);
  await new Promise((resolve) => setImmediate(resolve));
  return pending;
}

test('there is room until a mebibyte is on its way, and again once some of it has been acknowledged', async () => {
  const inFlight = new InFlight();
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  inFlight.add(MIB - 1, first.promise);
  await inFlight.room();
  inFlight.add(1, second.promise);
  const room = inFlight.room();
  assert.equal(await isPending(room), true);
  second.resolve();
  await room;
});

test('small messages are bounded by their number', async () => {
  const inFlight = new InFlight();
  const acknowledged = Promise.withResolvers<void>();
  for (let n = 0; n < 2_000; n += 1) inFlight.add(1, acknowledged.promise);
  const room = inFlight.room();
  assert.equal(await isPending(room), true);
  acknowledged.resolve();
  await room;
});

test('what was added before is waited for, whatever becomes of it, what comes after is not', async () => {
  const inFlight = new InFlight();
  const before = Promise.withResolvers<void>();
  inFlight.add(1, before.promise);
  const settled = inFlight.settled();
  inFlight.add(1, new Promise(() => {}));
  assert.equal(await isPending(settled), true);
  before.reject(new Error('not acknowledged'));
  await settled;
});

test('waiting and later calls reject with the reason when the connection closes', async () => {
  const inFlight = new InFlight();
  inFlight.add(MIB, new Promise(() => {}));
  const waiting = [inFlight.room(), inFlight.settled(), inFlight.orFailure(new Promise(() => {}))];
  inFlight.fail(new ConnectionError('reset', 'it broke'));
  for (const one of [
    ...waiting,
    inFlight.room(),
    inFlight.settled(),
    inFlight.orFailure(Promise.resolve()),
  ]) {
    await assert.rejects(one, { code: 'reset', message: 'it broke' });
  }
});
