import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Published } from '../../src/bus/messages.ts';
import { readLog } from '../../src/event-log/event-log-reader-store.ts';
import { FactFollower } from '../../src/inspect/fact-follower.ts';
import { Recording } from '../../src/inspect/recording.ts';
import { messageEntry } from '../../src/inspect/routes.ts';
import { recordTraceLines } from '../../src/inspect/trace-recording.ts';
import { stateAt } from '../../src/replay/replay.ts';
import { printTraceLine, type TraceLine } from '../../src/replay/trace.ts';
import type { ScheduleEvent } from '../../src/schedule/events.ts';
import { evolve } from '../../src/schedule/evolve.ts';
import { initialState } from '../../src/schedule/schedule.ts';
import { fact } from '../support/schedule-builders.ts';

const LAST_NIGHT = join(import.meta.dirname, '../../fixtures/event-log/last-night');

test('the schedule after every fact is the one that a replay up to it comes to', async () => {
  const { base, records } = await readLog(LAST_NIGHT);
  const recording = new Recording(base);
  for await (const record of records) recording.addRecord(record);
  assert.equal(recording.lastSeq, 31);
  for (const seq of [0, 1, 7, 18, 31]) {
    const { state } = await stateAt(await readLog(LAST_NIGHT), { by: 'seq', seq });
    assert.deepEqual(recording.scheduleAt(seq), state);
  }
});

test('entries are handed out from any number on', () => {
  const recording = new Recording(null);
  let heard = 0;
  const stop = recording.onAdded(() => {
    heard += 1;
  });
  const lost = (n: number) => fact(n, 'BroLost', { peer: 'zeek:9999', reason: `${n}` });
  for (const n of [1, 2, 3]) recording.addFact(lost(n), n);
  stop();
  recording.addFact(lost(4), 4);
  const seqs = (from: number, most: number) =>
    recording
      .since(from, { entries: most, weight: 10_000 })
      .map((entry) => entry.kind === 'fact' && entry.seq);
  assert.equal(heard, 3);
  assert.deepEqual(seqs(0, 9), [1, 2, 3, 4]);
  assert.deepEqual(seqs(2, 1), [3]);
  assert.deepEqual(seqs(4, 9), []);
  // However little room there is, it goes on.
  assert.equal(recording.since(0, { entries: 9, weight: 1 }).length, 1);
});

test('a recording of days holds no more than it has room for, and the schedule of every fact that it shows', () => {
  const recording = new Recording(null, { entries: 1_000, weight: 10_000_000 });
  let folded = initialState();
  const states = new Map<number, typeof folded>();
  const take = (event: ScheduleEvent, seq: number) => {
    recording.addFact(event, seq);
    folded = evolve(folded, event);
    states.set(seq, folded);
  };
  for (let n = 1; n <= 10_000; n += 2) {
    take(
      fact(n, 'BroConnected', { peer: 'zeek:9999', incarnation: `${n}`, transport: 'tcp', standing: 'new' }),
      n,
    );
    take(fact(n + 1, 'BroLost', { peer: 'zeek:9999', reason: `${n}` }), n + 1);
  }
  const { entries, facts, states: kept } = recording.held;
  assert.ok(entries <= 1_000 && facts <= 1_000 && kept <= 6, JSON.stringify(recording.held));
  for (const entry of recording.since(recording.first, { entries: 1_000, weight: 10_000_000 })) {
    if (entry.kind === 'fact') assert.deepEqual(recording.scheduleAt(entry.seq), states.get(entry.seq));
  }
  assert.deepEqual(recording.scheduleAt(10_000), folded);
});

const LOGGED = 'xstate.done.actor.0.schedule-manager.logging';

test('facts are those that the log has taken', () => {
  const follower = new FactFollower();
  const decided = { events: [fact(1, 'BroRemoved', { peer: 'zeek:9999' })] };
  const failed = 'xstate.error.actor.0.schedule-manager.logging';
  const take = (event: string, state: string) => follower.take({ event, state, decided });
  assert.deepEqual(take('xstate.done.actor.0.schedule-manager.describing', 'logging'), []);
  assert.deepEqual(take('peer.up', 'logging'), []);
  assert.deepEqual(follower.take({ event: LOGGED, state: 'idle', decided: { events: [] } }), decided.events);
  assert.deepEqual(take('xstate.done.actor.0.schedule-manager.describing', 'logging'), []);
  assert.deepEqual(take(failed, 'blocked'), []);
  assert.deepEqual(follower.take({ event: LOGGED, state: 'idle', decided: undefined }), []);
});

async function* printed(lines: readonly TraceLine[]): AsyncGenerator<string> {
  for (const line of lines) yield printTraceLine(line);
}

test('a trace becomes steps without contexts, messages, and the facts between them', async () => {
  const step = (event: string, state: string, changed: object): TraceLine => ({
    kind: 'step',
    at: 1,
    actor: 'schedule-manager',
    machine: 'schedule-manager',
    event: { type: event, secret: 'not to be seen' },
    state,
    status: 'active',
    changed: { ...changed, password: 'not to be seen' },
  });
  const removed = fact(1, 'BroRemoved', { peer: 'zeek:9999' });
  const recording = new Recording(null);
  await recordTraceLines(
    printed([
      { kind: 'head', format: 1, version: '1', at: 0 },
      step('xstate.init', 'idle', { schedule: { ...initialState(), configuredGroups: ['g'] } }),
      step('xstate.done.actor.0.schedule-manager.describing', 'logging', { decided: { events: [removed] } }),
      step(LOGGED, 'idle', { decided: { events: [] } }),
    ]),
    recording,
  );
  const entries = recording.since(0, { entries: 9, weight: 10_000 });
  assert.deepEqual(
    entries.map((entry) => [entry.kind, entry.kind === 'fact' && entry.words]),
    [
      ['step', false],
      ['step', false],
      ['fact', 'zeek:9999 was removed from the configuration: its state is dropped'],
      ['step', false],
    ],
  );
  assert.ok(!JSON.stringify(entries).includes('not to be seen'));
  assert.deepEqual(recording.scheduleAt(0).configuredGroups, ['g']);
});

test('a message goes from who says it to every inbox whose subjects it falls under', () => {
  const about = (message: object) => messageEntry({ at: 5, sequence: 1, ...message } as Published);
  const up = about({ type: 'peer.up', peer: 'a:1', subject: 'peer.a:1.up' });
  assert.deepEqual([up.from, up.to], ['peer:a:1', ['schedule-manager']]);
  const tell = about({ type: 'peer.tell', peer: 'a:1', subject: 'peer.a:1.tell' });
  assert.deepEqual([tell.from, tell.to], ['schedule-manager', ['peer:a:1']]);
  const changed = about({ type: 'schedule.changed', hash: 'h', entries: 3, subject: 'schedule.changed' });
  assert.deepEqual(
    [changed.from, changed.to, changed.numbers],
    ['schedule-manager', ['osquery-core'], { entries: 3 }],
  );
  const long = about({
    type: 'schedule.blocked',
    reason: '\u001b[31m'.repeat(2_000),
    subject: 'schedule.blocked',
  });
  assert.equal(long.detail.length, 2_001);
  assert.ok(!long.detail.includes('\u001b'));
});
