import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { createActor, fromCallback, fromPromise, SimulatedClock } from 'xstate';
import {
  type Applied,
  type Configured,
  type Identified,
  osqueryCoreMachine,
  type Registered,
} from '../../actors/osquery-core.machine.ts';
import { supply } from '../../actors/port.ts';
import { ScheduleUpdater } from '../../src/osquery/schedule-updater.ts';
import { type RenderedSchedule, renderedOf } from '../../src/schedule/render.ts';
import { subscriptions } from '../../src/schedule/schedule.ts';
import { after } from '../support/given.ts';
import { IDENTIFIED } from '../support/identified.ts';
import { busProbe, settle } from '../support/machine-ports.ts';
import { bro, connect, query, start, subscribe } from '../support/schedule-builders.ts';

const uuid = '5ba5a5e5-0000-4000-8000-000000000001';

/** A registered `osquery-core` with the real port, before an osquery that answers an update when the spec says so. */
async function startCore() {
  const bus = busProbe();
  const clock = new SimulatedClock();
  const updates: string[][] = [];
  const taken: (readonly string[])[] = [];
  const held: (() => void)[] = [];
  const updater = new ScheduleUpdater({
    log: pino({ level: 'silent' }),
    nonce: () => uuid,
    client: {
      async call(_registry, _item, request) {
        const { schedule } = JSON.parse(request['data'] ?? '') as RenderedSchedule['config'];
        updates.push(Object.keys(schedule));
        await new Promise<void>((resolve) => held.push(resolve));
        return { status: { code: 0, message: 'OK', uuid: 0 }, response: [] };
      },
      query: async () => (updates.at(-1) ?? []).map((name) => ({ name })),
    },
    watch: { taken: (names) => taken.push(names) },
  });
  const actor = createActor(
    osqueryCoreMachine.provide({
      actions: { publish: bus.publish },
      actors: {
        inbox: bus.inbox,
        attach: fromPromise(async () => ({ version: '5.23.1' })),
        configure: fromPromise<Configured, undefined>(async () => ({ outcome: 'refused', problems: [] })),
        register: fromPromise<Registered, undefined>(async () => ({ outcome: 'registered', uuid: '7' })),
        watch: fromCallback(() => {}),
        identify: fromPromise<Identified, undefined>(async () => IDENTIFIED),
        applySchedule: supply<Applied, RenderedSchedule>(updater.apply),
      },
    }),
    {
      clock,
      input: {
        timing: { patience: 3_000, retryPause: 500, debounce: 100, refusedPause: 30_000 },
        givesUp: false,
      },
    },
  );
  actor.start();
  await settle();
  bus.deliver({ type: 'schedule.reviewed', pid: 100 });
  bus.take();
  return {
    bus,
    updates,
    taken,
    async order(schedule: RenderedSchedule) {
      bus.deliver({ type: 'schedule.changed', ...schedule, entries: 1, added: [], removed: [] });
      clock.increment(100);
      await settle();
    },
    async answer() {
      held.shift()?.();
      await settle();
    },
  };
}

/** The schedule once so many queries have been subscribed. */
const rendered = (queries: number) =>
  after([
    start(0),
    connect(1, 'zeek:9999', 'i'),
    ...Array.from({ length: queries }, (_, n) =>
      subscribe(2 + n, 'zeek:9999', 'i', { query: query({ sql: `SELECT ${n}` }) }),
    ),
  ]);

test('what osquery is given, and said to run, is what was ordered, though the state goes on meanwhile', async () => {
  const { bus, updates, taken, order, answer } = await startCore();
  const names = (queries: number) => subscriptions(rendered(queries)).map(({ name }) => name);
  assert.deepEqual(names(3), [bro(1), bro(2), bro(3)]);
  const orders = [1, 2, 3].map((queries) => renderedOf(rendered(queries)));
  // The second order waits for the first one's update; while it does, the state becomes the third's.
  for (const one of orders) await order(one);
  assert.deepEqual(updates, [names(1)]);
  await answer();
  assert.deepEqual(updates, [names(1), names(2)]);
  await answer();
  assert.deepEqual(bus.take(), [], 'nothing is said of an order that another has followed');
  await answer();
  assert.deepEqual(updates, [names(1), names(2), names(3)]);
  assert.deepEqual(taken, updates);
  assert.deepEqual(bus.take(), [{ type: 'osquery.schedule-applied', hash: orders[2]?.hash, entries: 3 }]);
});
