import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { executionEntry } from '../../src/delivery/execution-entry.ts';
import { type KeptMarks, type MarkKeeper, Marks } from '../../src/delivery/marks.ts';
import {
  batchLine,
  DeliveryHarness,
  FakeLink,
  type Life,
  logEntry,
  subscription,
  until,
} from '../support/delivery-harness.ts';

/** What the courier keeps of the runs that have come. */

/** Marks that are kept in memory, and each state in which they were. */
class KeptInMemory implements MarkKeeper {
  readonly marks = new Marks({ since: 0, upTo: 0, marks: [] });
  readonly saved: KeptMarks[] = [];

  async save(upTo: number): Promise<void> {
    this.saved.push(this.marks.kept(upTo));
  }
}

describe('Marks of runs', () => {
  let harness: DeliveryHarness;
  let life: Life;
  let keeper: KeptInMemory;
  beforeEach(async () => {
    harness = await DeliveryHarness.create();
    keeper = new KeptInMemory();
    harness.marks = keeper;
  });
  afterEach(async () => {
    await life.courier.stop();
    await life.journal.close();
    await harness.remove();
  });

  const marked = () =>
    keeper.marks.kept(0).marks.map(({ name, counter, rows }) => `${name} ${counter} ${rows}`);

  test('a run of the schedule is noted once it is counted, the answer to a one-time query and an event are not', async () => {
    harness.subscribe(subscription('a', 's1'));
    harness.matchEvent = () => [{ name: 's1', columns: { n: '1' } }];
    life = await harness.live();
    const once = subscription('a', 'once', { updateType: 'SNAPSHOT' });
    await life.courier.take(await executionEntry(once, 1_700_000_000, [{ n: '1' }], harness.ports()));
    await life.courier.take({ kind: 'event', header: null, payload: Buffer.from('{"n":"1"}') });
    await life.courier.take(logEntry(batchLine('s1', { added: ['1', '2'] }, 7)));
    await life.courier.caughtUp();
    assert.deepEqual(marked(), ['s1 7 2']);
  });

  test('a run that the journal does not take is declared lost, and so none that is to be looked for', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live({ maxBytes: 4_000 });
    const rows = Array.from({ length: 1_000 }, (_, n) => String(n));
    const { accepted } = await life.courier.take(logEntry(batchLine('s1', { added: rows }, 7)));
    assert.equal(accepted, false);
    assert.deepEqual(marked(), ['s1 7 1000']);
  });

  test("the marks of the journal's runs are saved before it is trimmed, except for queries that have ended", async () => {
    harness.subscribe(subscription('a', 's1'), subscription('a', 's2'));
    life = await harness.live({ segmentBytes: 500 });
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.take(logEntry(batchLine('s2', { added: ['0'] }, 1)));
    await life.courier.settled();
    harness.deliverables.delete('s2');
    const first = life.journal.segments[0]?.first ?? 0;
    for (let n = 1; n <= 200; n += 1)
      await life.courier.take(logEntry(batchLine('s1', { added: [`${n}`] }, n)));
    await life.courier.settled();
    await until(() => (life.journal.segments[0]?.first ?? 0) > first, 'a segment is removed');
    const kept = keeper.saved.at(-1);
    assert.ok(kept && kept.upTo >= (life.journal.segments[0]?.first ?? 0));
    assert.deepEqual(
      kept.marks.map(({ name }) => name),
      ['s1'],
    );
  });
});
