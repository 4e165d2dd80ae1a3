import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createActor, SimulatedClock } from 'xstate';
import {
  type Applied,
  type Configured,
  type Identified,
  osqueryCoreMachine,
  type Registered,
  type WatchEvent,
} from '../../actors/osquery-core.machine.ts';
import { DEFAULT_POLICY } from '../../src/schedule/policy.ts';
import type { RenderedSchedule } from '../../src/schedule/render.ts';
import { IDENTIFIED } from '../support/identified.ts';
import { busProbe, callbackProbe, promiseProbe, settle } from '../support/machine-ports.ts';
import { sampleHost } from '../support/sample-host.ts';

const configuration = { peers: ['zeek:9999'], groups: ['g'], policy: DEFAULT_POLICY };
const timing = { patience: 3_000, retryPause: 500, debounce: 100, refusedPause: 30_000 };

/** An order with that hash, and one query of that name. */
const ordered = (hash: string): RenderedSchedule => ({
  hash,
  config: { schedule: { [hash]: { query: 'SELECT 1', interval: 1, startup_priority: 1 } } },
});

function startCore({ givesUp = false } = {}) {
  const bus = busProbe();
  const clock = new SimulatedClock();
  const attach = promiseProbe<{ readonly version: string }, undefined>();
  const configure = promiseProbe<Configured, undefined>();
  const register = promiseProbe<Registered, undefined>();
  const watch = callbackProbe<{ type: 'none' }, { readonly uuid: string }, WatchEvent>();
  const identify = promiseProbe<Identified, undefined>();
  const apply = promiseProbe<Applied, RenderedSchedule>();
  const deregister = promiseProbe<void, { readonly uuid: string }>();
  const actor = createActor(
    osqueryCoreMachine.provide({
      actions: { publish: bus.publish },
      actors: {
        inbox: bus.inbox,
        attach: attach.logic,
        configure: configure.logic,
        register: register.logic,
        watch: watch.logic,
        identify: identify.logic,
        applySchedule: apply.logic,
        deregister: deregister.logic,
      },
    }),
    { clock, input: { timing, givesUp } },
  );
  actor.start();
  const core = {
    actor,
    bus,
    clock,
    attach,
    configure,
    register,
    watch,
    identify,
    apply,
    deregister,
    state: () => actor.getSnapshot().value,
    async registerAs(uuid: string) {
      attach.last.resolve({ version: '5.23.1' });
      await settle();
      configure.last.resolve({ outcome: 'configured', configuration, changed: [] });
      await settle();
      register.last.resolve({ outcome: 'registered', uuid });
      await settle();
      identify.last.resolve(IDENTIFIED);
      await settle();
      bus.deliver({ type: 'schedule.reviewed', pid: 100 });
    },
    change(hash: string) {
      bus.deliver({ type: 'schedule.changed', ...ordered(hash), entries: 1, added: [], removed: [] });
    },
  };
  return core;
}

test('the way to a registration leads past the configuration', async () => {
  const { bus, state, registerAs, watch } = startCore();
  assert.deepEqual(state(), { detached: 'attaching' });
  await registerAs('7');
  assert.deepEqual(state(), { registered: 'inStep' });
  assert.deepEqual(bus.take(), [
    { type: 'osquery.configured', ...configuration, changed: [] },
    { type: 'osquery.registered', uuid: '7' },
    { type: 'osquery.identified', ...IDENTIFIED },
  ]);
  assert.deepEqual(watch.inputs, [{ uuid: '7' }]);
});

test('an osqueryd that is not there is tried again for ever, by one that was started by hand', async () => {
  const { attach, clock, state } = startCore();
  for (let attempt = 1; attempt <= 50; attempt += 1) {
    attach.last.reject(new Error('no socket'));
    await settle();
    assert.deepEqual(state(), { detached: 'waiting' });
    clock.increment(500);
    assert.equal(attach.starts.length, attempt + 1);
  }
});

test('one that osqueryd started gives up with the reason, so that osqueryd starts it again', async () => {
  const { actor, attach, clock } = startCore({ givesUp: true });
  attach.last.reject(new Error('there is no /var/osquery/osquery.em'));
  await settle();
  clock.increment(3_000);
  assert.deepEqual(actor.getSnapshot().output, {
    ended: 'osquery-absent',
    reason: 'there is no /var/osquery/osquery.em',
  });
});

test('a refused configuration is reported, and the registration goes on', async () => {
  const { attach, configure, register, bus } = startCore();
  attach.last.resolve({ version: '' });
  await settle();
  configure.last.resolve({ outcome: 'refused', problems: ['bro.uid: is empty'] });
  await settle();
  assert.deepEqual(bus.take(), [{ type: 'osquery.config-refused', problems: ['bro.uid: is empty'] }]);
  assert.equal(register.starts.length, 1);
});

test('while osquery remembers our former self the registration is tried again', async () => {
  const { attach, configure, register, clock, state } = startCore();
  attach.last.resolve({ version: '' });
  await settle();
  configure.last.resolve({ outcome: 'configured', configuration, changed: [] });
  await settle();
  register.last.resolve({ outcome: 'duplicate', alive: false });
  await settle();
  assert.deepEqual(state(), { detached: 'remembered' });
  clock.increment(500);
  register.last.resolve({ outcome: 'registered', uuid: '9' });
  await settle();
  assert.deepEqual(state(), { registered: 'identifying' });
});

test('osquery is given nothing before it is decided what ended its former self', async () => {
  const { attach, configure, register, identify, bus, apply, change, state } = startCore();
  attach.last.resolve({ version: '' });
  await settle();
  configure.last.resolve({ outcome: 'configured', configuration, changed: [] });
  await settle();
  register.last.resolve({ outcome: 'registered', uuid: '7' });
  await settle();
  change('a');
  identify.last.resolve(IDENTIFIED);
  await settle();
  assert.deepEqual(state(), { registered: 'reviewing' });
  bus.take();
  change('b');
  assert.deepEqual(bus.take(), [{ type: 'osquery.identified', ...IDENTIFIED }]);
  bus.deliver({ type: 'schedule.reviewed', pid: 99 });
  assert.equal(apply.starts.length, 0);
  bus.deliver({ type: 'schedule.reviewed', pid: 100 });
  assert.deepEqual(
    apply.starts.map(({ input }) => input),
    [ordered('b')],
  );
});

test('an osqueryd that does not say who it is gets the schedule all the same', async () => {
  const { attach, configure, register, identify, state } = startCore();
  attach.last.resolve({ version: '' });
  await settle();
  configure.last.resolve({ outcome: 'configured', configuration, changed: [] });
  await settle();
  register.last.resolve({ outcome: 'registered', uuid: '7' });
  await settle();
  identify.last.reject(new Error('no such table: osquery_info'));
  await settle();
  assert.deepEqual(state(), { registered: 'inStep' });
});

test('a second of us says so and ends', async () => {
  const { actor, attach, configure, register } = startCore();
  attach.last.resolve({ version: '' });
  await settle();
  configure.last.resolve({ outcome: 'configured', configuration, changed: [] });
  await settle();
  register.last.resolve({ outcome: 'duplicate', alive: true });
  await settle();
  assert.deepEqual(actor.getSnapshot().output, {
    ended: 'another-instance',
    reason: 'another bro-osquery is registered with this osqueryd and answers; stop it first',
  });
});

test('changes of the schedule are gathered and applied as one', async () => {
  const { change, registerAs, clock, apply, bus, state } = startCore();
  await registerAs('7');
  bus.take();
  change('a');
  clock.increment(50);
  change('b');
  clock.increment(50);
  assert.deepEqual(
    apply.starts.map(({ input }) => input),
    [ordered('b')],
  );
  apply.last.resolve({ hash: apply.last.input.hash, entries: 1 });
  await settle();
  assert.deepEqual(bus.take(), [{ type: 'osquery.schedule-applied', hash: 'b', entries: 1 }]);
  assert.deepEqual(state(), { registered: 'inStep' });
});

test('a change during an update is applied after it', async () => {
  const { change, registerAs, clock, apply } = startCore();
  await registerAs('7');
  change('a');
  clock.increment(100);
  change('b');
  clock.increment(100);
  assert.deepEqual(
    apply.starts.map(({ input }) => input.hash),
    ['a', 'b'],
  );
});

test('a schedule that osquery refuses is reported and retried', async () => {
  const { change, registerAs, clock, apply, bus, state } = startCore();
  await registerAs('7');
  bus.take();
  change('a');
  clock.increment(100);
  apply.last.reject(new Error('osquery refused the schedule'));
  await settle();
  assert.deepEqual(bus.take(), [
    { type: 'osquery.schedule-refused', hash: 'a', reason: 'osquery refused the schedule' },
  ]);
  assert.deepEqual(state(), { registered: 'outOfStep' });
  clock.increment(30_000);
  assert.equal(apply.starts.length, 2);
});

test('an osqueryd that comes back gets the schedule without being asked for it', async () => {
  const { change, registerAs, clock, apply, watch, bus } = startCore();
  await registerAs('7');
  change('a');
  clock.increment(100);
  apply.last.resolve({ hash: apply.last.input.hash, entries: 1 });
  await settle();
  watch.send({ type: 'watch.lost', reason: 'osqueryd is gone' });
  assert.equal(bus.take().at(-1)?.type, 'osquery.lost');
  await registerAs('8');
  assert.deepEqual(
    apply.starts.map(({ input }) => input.hash),
    ['a', 'a'],
  );
});

test('a schedule that osquery has lost is repaired', async () => {
  const { change, registerAs, clock, apply, watch } = startCore();
  await registerAs('7');
  change('a');
  clock.increment(100);
  apply.last.resolve({ hash: apply.last.input.hash, entries: 1 });
  await settle();
  watch.send({ type: 'watch.schedule-missing' });
  clock.increment(100);
  assert.equal(apply.starts.length, 2);
});

test('what the watch sees is told: a new configuration, the host, the end', async () => {
  const { registerAs, watch, bus } = startCore();
  await registerAs('7');
  bus.take();
  watch.send({ type: 'watch.host', host: sampleHost() });
  watch.send({ type: 'watch.configured', result: { outcome: 'configured', configuration, changed: [] } });
  watch.send({ type: 'watch.shutdown' });
  assert.deepEqual(bus.take(), [
    { type: 'osquery.host', host: sampleHost() },
    { type: 'osquery.configured', ...configuration, changed: [] },
    { type: 'osquery.shutdown' },
  ]);
});

test('draining deregisters once, and ends also where osqueryd does not answer', async () => {
  const { actor, registerAs, bus, deregister } = startCore();
  await registerAs('7');
  bus.deliver({ type: 'extension.draining', reason: '' });
  bus.deliver({ type: 'extension.draining', reason: '' });
  assert.deepEqual(
    deregister.starts.map(({ input }) => input),
    [{ uuid: '7' }],
  );
  deregister.last.reject(new Error('gone'));
  await settle();
  assert.deepEqual(actor.getSnapshot().output, { ended: 'detached' });
});

test('draining ends at once where we are not registered', () => {
  const { actor, bus } = startCore();
  bus.deliver({ type: 'extension.draining', reason: '' });
  assert.deepEqual(actor.getSnapshot().output, { ended: 'detached' });
});
