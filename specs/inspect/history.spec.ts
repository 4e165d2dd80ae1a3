import assert from 'node:assert/strict';
import { test } from 'node:test';
import { broPeerMachine } from '../../actors/bro-peer.machine.ts';
import type { StepFrame } from '../../actors/inspection.ts';
import { scheduleManagerMachine } from '../../actors/schedule-manager.machine.ts';
import { chartOf } from '../../src/inspect/chart.ts';
import { layOut } from '../../src/inspect/chart-layout.ts';
import { bareStep, type Entry, sizeOf, trimmed } from '../../src/inspect/entries.ts';
import { activeStates, formatState, highlightsOf } from '../../src/inspect/highlights.ts';
import { History, lastUpTo } from '../../src/inspect/history.ts';

const step = (at: number, actor: string, state: StepFrame['state'], event = 'e'): Entry =>
  bareStep({ kind: 'step', at, actor, machine: 'm', event, state, status: 'active' });
const fact = (at: number, seq: number): Entry => ({
  ...{ kind: 'fact', at, seq, type: 'BroLost', words: 'gone' },
  ...{ cause: '', detail: '{}', peer: 'a', query: '' },
});

test('at each moment every actor stands where its last step left it', () => {
  const history = new History();
  history.add([step(1, 'a', 'x'), step(2, 'b', 'x'), fact(2, 7), step(3, 'a', 'y')]);
  assert.deepEqual(history.actors, ['a', 'b']);
  assert.deepEqual(history.stepAt('a', 2)?.step.state, 'x');
  assert.deepEqual(history.stepAt('a', 3)?.step.state, 'y');
  assert.deepEqual(history.stepAt('a', 3)?.before?.state, 'x');
  assert.equal(history.stepAt('b', 0), null);
  assert.equal(history.factAt(1), null);
  assert.equal(history.factAt(3)?.seq, 7);
});

test('a moment is found again by its name, also among others of the same millisecond', () => {
  const history = new History();
  history.add([fact(5, 1), fact(5, 2), fact(5, 3), fact(9, 4)]);
  for (const moment of [0, 1, 2, 3]) assert.equal(history.momentOf(history.nameOf(moment)), moment);
  assert.deepEqual(
    ['5-9', '7-0', '4', '99', 'nonsense'].map((name) => history.momentOf(name)),
    [2, 2, -1, 3, null],
  );
});

test('what is too old goes, and leaves where everything stood', () => {
  const entries = [step(1, 'a', 'x'), step(2, 'a', 'y'), fact(3, 1), fact(4, 2), step(5, 'b', 'z')];
  const kept = [step(2, 'a', 'y'), fact(3, 1), fact(4, 2), step(5, 'b', 'z')];
  const much = 1_000_000;
  assert.deepEqual(trimmed(entries, { entries: 3, weight: much }), kept);
  const weight = (sizeOf(fact(4, 2)) + sizeOf(step(5, 'b', 'z'))) / 0.8;
  assert.deepEqual(trimmed(entries, { entries: 9, weight }), kept);
  assert.deepEqual(trimmed(entries, { entries: 9, weight: much }), entries);
});

test('a page that is open for days holds no more than it has room for, and what stood before', () => {
  const history = new History({ entries: 100, weight: 1_000_000 });
  history.add([step(0, 'b', 'x')]);
  let shift = 0;
  for (let at = 1; at <= 10_000; at += 1) shift += history.add([step(at, 'a', `${at}`)]);
  assert.ok(history.length <= 100, `${history.length} entries`);
  assert.equal(shift + history.length, 10_001);
  assert.equal(history.stepAt('a', history.length - 1)?.step.state, '10000');
  assert.equal(history.stepAt('b', history.length - 1)?.step.state, 'x');
  const heavy = new History({ entries: 1_000, weight: 10_000 });
  const counts = Array.from({ length: 10 }, (_, n) => ({
    ...{ peer: 'a', name: `${n}`, taken: 0, refused: 0, sent: 0, confirmed: 0, dropped: 0, pending: 0 },
    skipped: {},
  }));
  for (let at = 0; at < 1_000; at += 1) heavy.add([{ kind: 'rows', at, counts, runs: {}, oldest: {} }]);
  assert.ok(heavy.length < 10, `${heavy.length} entries`);
  assert.equal(heavy.rowsAt(heavy.length - 1)?.at, 999);
});

test('places are found by bisection', () => {
  assert.deepEqual(
    [-1, 0, 2, 3, 9].map((most) => lastUpTo([0, 3, 5], most)),
    [-1, 0, 0, 1, 2],
  );
});

test('states of parallel regions are active together, and in words', () => {
  const state = { link: { linked: { peered: { sync: 'settled', health: 'suspect' } } }, presence: 'present' };
  assert.deepEqual(
    [...activeStates('bro-peer', state)],
    [
      'bro-peer',
      'bro-peer.link',
      'bro-peer.link.linked',
      'bro-peer.link.linked.peered',
      'bro-peer.link.linked.peered.sync',
      'bro-peer.link.linked.peered.sync.settled',
      'bro-peer.link.linked.peered.health',
      'bro-peer.link.linked.peered.health.suspect',
      'bro-peer.presence',
      'bro-peer.presence.present',
    ],
  );
  assert.equal(formatState(state), 'link.linked.peered(sync.settled, health.suspect), presence.present');
});

async function takenBy(
  machine: typeof broPeerMachine | typeof scheduleManagerMachine,
  event: string,
  before: StepFrame['state'],
  state: StepFrame['state'],
): Promise<string[]> {
  const layout = await layOut(chartOf(machine as never));
  return [...highlightsOf(layout, { event, state, effects: null }, before).taken].map((index) => {
    const edge = layout.edges[index];
    return `${edge?.from} → ${edge?.to}`;
  });
}

test('the way a machine came is lit: in every region, and through states that are left at once', async () => {
  assert.deepEqual(
    await takenBy(
      broPeerMachine,
      'connection.closed',
      { link: { linked: { peered: { sync: 'settled', health: 'responsive' } } }, presence: 'present' },
      { link: 'backingOff', presence: 'absent' },
    ),
    [
      'bro-peer.link.linked → bro-peer.link.backingOff',
      'bro-peer.presence.present → bro-peer.presence.absent',
    ],
  );
  assert.deepEqual(
    await takenBy(scheduleManagerMachine, 'xstate.done.actor.0.schedule-manager.logging', 'logging', 'idle'),
    [
      'schedule-manager.logging → schedule-manager.inForce',
      'schedule-manager.inForce → schedule-manager.idle',
    ],
  );
  assert.deepEqual(await takenBy(scheduleManagerMachine, 'peer.up', 'idle', 'describing'), [
    'schedule-manager.idle → schedule-manager.describing',
  ]);
  assert.deepEqual(await takenBy(scheduleManagerMachine, 'peer.up', 'logging', 'logging'), []);
});
