import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createActor, SimulatedClock } from 'xstate';
import { courierMachine, type DeliveryEvent } from '../../actors/courier.machine.ts';
import { type LoggerEvent, loggerPluginMachine } from '../../actors/logger-plugin.machine.ts';
import { busProbe, callbackProbe } from '../support/machine-ports.ts';

function startLogger() {
  const bus = busProbe();
  const calls = callbackProbe<{ type: 'none' }, undefined, LoggerEvent>();
  const actor = createActor(
    loggerPluginMachine.provide({
      actions: { publish: bus.publish },
      actors: { inbox: bus.inbox, calls: calls.logic },
    }),
  );
  actor.start();
  return { actor, bus, calls, state: () => actor.getSnapshot().value };
}

function startCourier() {
  const bus = busProbe();
  const clock = new SimulatedClock();
  const delivery = callbackProbe<{ type: 'drain' }, undefined, DeliveryEvent>();
  const actor = createActor(
    courierMachine.provide({
      actions: { publish: bus.publish },
      actors: { inbox: bus.inbox, delivery: delivery.logic },
    }),
    { clock },
  );
  actor.start();
  return { actor, bus, clock, delivery, state: () => actor.getSnapshot().value };
}

const progress = (peer: string, pending: number) => ({
  type: 'delivery.progress' as const,
  peer,
  pending,
  sent: 10,
  taken: 10,
  confirmed: 10 - pending,
  dropped: 0,
  oldestAt: pending > 0 ? 5 : null,
});

test('the logger receives once osqueryd has chosen it', () => {
  const { bus, calls, state } = startLogger();
  assert.equal(state(), 'unattached');
  calls.send({ type: 'calls.attached', by: 'osqueryd' });
  calls.send({ type: 'calls.progress', calls: 3, bytes: 300, milliseconds: 2, longest: 1 });
  assert.equal(state(), 'receiving');
  assert.deepEqual(bus.take(), [
    { type: 'logger.attached', by: 'osqueryd' },
    { type: 'logger.progress', calls: 3, bytes: 300, milliseconds: 2, longest: 1 },
  ]);
});

test("a journal that can't be written from the first call on is reported", () => {
  const { bus, calls, state } = startLogger();
  calls.send({ type: 'journal.refused', reason: 'the disk is full', lost: 1 });
  assert.equal(state(), 'degraded');
  assert.deepEqual(bus.take(), [{ type: 'logger.degraded', reason: 'the disk is full' }]);
});

test('a re-registered logger gets no init from osqueryd and receives all the same', () => {
  const { calls, state } = startLogger();
  calls.send({ type: 'calls.progress', calls: 1, bytes: 1, milliseconds: 1, longest: 1 });
  assert.equal(state(), 'receiving');
});

test('a journal that takes nothing degrades the logger until it takes rows again', () => {
  const { bus, calls, state } = startLogger();
  calls.send({ type: 'calls.attached', by: 'osqueryd' });
  bus.take();
  calls.send({ type: 'journal.refused', reason: 'no space left', lost: 4 });
  calls.send({ type: 'journal.refused', reason: 'no space left', lost: 9 });
  assert.equal(state(), 'degraded');
  calls.send({ type: 'journal.recovered', lost: 9 });
  assert.equal(state(), 'receiving');
  assert.deepEqual(bus.take(), [
    { type: 'logger.degraded', reason: 'no space left' },
    { type: 'logger.recovered', lost: 9 },
  ]);
});

test('the progress of each Bro is published, and is not a state of the courier', () => {
  const { delivery, state, bus } = startCourier();
  assert.equal(state(), 'delivering');
  delivery.send(progress('a', 3));
  delivery.send(progress('b', 0));
  delivery.send(progress('a', 0));
  assert.equal(state(), 'delivering');
  assert.deepEqual(bus.take(), [
    { ...progress('a', 3), type: 'courier.progress' },
    { ...progress('b', 0), type: 'courier.progress' },
    { ...progress('a', 0), type: 'courier.progress' },
  ]);
});

test('lost rows are reported in every state of the courier', () => {
  const { delivery, bus } = startCourier();
  delivery.send({ type: 'delivery.dropped', peer: 'a', rows: 7, reason: 'the journal is full' });
  assert.deepEqual(bus.take(), [
    { type: 'courier.dropped', peer: 'a', rows: 7, reason: 'the journal is full' },
  ]);
});

test('draining waits for what is under way, though not for ever', () => {
  const patient = startCourier();
  patient.bus.deliver({ type: 'extension.draining', reason: '' });
  assert.deepEqual(patient.delivery.received, [{ type: 'drain' }]);
  patient.delivery.send({ type: 'delivery.drained' });
  assert.equal(patient.actor.getSnapshot().status, 'done');

  const impatient = startCourier();
  impatient.bus.deliver({ type: 'extension.draining', reason: '' });
  impatient.clock.increment(3_000);
  assert.equal(impatient.actor.getSnapshot().status, 'done');
});
