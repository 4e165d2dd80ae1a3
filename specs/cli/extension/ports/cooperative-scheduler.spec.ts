import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { CooperativeScheduler } from '../../../../src/cli/extension/ports/cooperative-scheduler.ts';

const lookAtSockets = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Someone with endless work, who asks for the next turn when the last one is done; until the test ends at most. */
function worker(
  t: TestContext,
  scheduler: CooperativeScheduler,
  name: string,
  record: string[],
): { end(): void } {
  let isEnded = false;
  t.after(() => {
    isEnded = true;
  });
  void (async () => {
    while (!isEnded) {
      await scheduler.nextSlot();
      if (!isEnded) record.push(name);
    }
  })();
  return { end: () => (isEnded = true) };
}

describe('cooperative scheduler', () => {
  it('go to one at a time, in the order they were asked for, between two looks at the sockets', async (t) => {
    const scheduler = new CooperativeScheduler();
    const record: string[] = [];
    const workers = ['first', 'second', 'third'].map((name) => worker(t, scheduler, name, record));
    for (let look = 0; look < 6; look += 1) {
      await lookAtSockets();
      record.push('look');
    }
    for (const one of workers) one.end();
    const withoutLooks = record.filter((what) => what !== 'look');
    assert.deepEqual(withoutLooks.slice(0, 5), ['first', 'second', 'third', 'first', 'second']);
    // Two slots in a row would have kept whoever is at a socket waiting for both.
    assert.equal(
      record.some((what, at) => what !== 'look' && record[at + 1] !== 'look' && at + 1 < record.length),
      false,
      record.join(' '),
    );
  });

  it('are given to nobody while osquery waits for an answer, and again as soon as it has it', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const scheduler = new CooperativeScheduler();
    const record: string[] = [];
    const answered = scheduler.beginCall();
    const other = scheduler.beginCall();
    const one = worker(t, scheduler, 'turn', record);
    for (let look = 0; look < 3; look += 1) await lookAtSockets();
    answered();
    answered();
    await lookAtSockets();
    assert.deepEqual(record, []);
    other();
    await lookAtSockets();
    await lookAtSockets();
    one.end();
    assert.notDeepEqual(record, []);
  });

  it('are given to nobody where osquery comes after one was asked for', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const scheduler = new CooperativeScheduler();
    const record: string[] = [];
    const one = worker(t, scheduler, 'turn', record);
    const answered = scheduler.beginCall();
    for (let look = 0; look < 3; look += 1) await lookAtSockets();
    assert.deepEqual(record, []);
    answered();
    await lookAtSockets();
    await lookAtSockets();
    one.end();
    assert.notDeepEqual(record, []);
  });

  it('wait as long for each client of osquery, whatever was left of the wait for the one before', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const scheduler = new CooperativeScheduler();
    const record: string[] = [];
    const wait = async () => {
      await scheduler.nextSlot();
      record.push('turn');
    };
    const answered = scheduler.beginCall();
    const first = wait();
    t.mock.timers.tick(20);
    answered();
    await first;
    scheduler.beginCall();
    const second = wait();
    for (let look = 0; look < 3; look += 1) await lookAtSockets();
    t.mock.timers.tick(24);
    await lookAtSockets();
    assert.deepEqual(record, ['turn']);
    t.mock.timers.tick(1);
    await second;
    assert.deepEqual(record, ['turn', 'turn']);
  });

  it('wait for no client of osquery without end', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const scheduler = new CooperativeScheduler();
    const record: string[] = [];
    scheduler.beginCall();
    const one = worker(t, scheduler, 'turn', record);
    await lookAtSockets();
    t.mock.timers.tick(24);
    await lookAtSockets();
    assert.deepEqual(record, []);
    t.mock.timers.tick(1);
    for (let look = 0; look < 4; look += 1) await lookAtSockets();
    one.end();
    assert.ok(record.length >= 2, 'it comes first no more');
  });
});
