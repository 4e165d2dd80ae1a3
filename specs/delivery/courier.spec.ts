import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { DeliveryCounts } from '../../src/delivery/delivery-counts.ts';
import { executionEntry } from '../../src/delivery/execution-entry.ts';
import {
  accountErrors,
  batchLine,
  DeliveryHarness,
  FakeLink,
  type Life,
  logEntry,
  subscription,
  until,
} from '../support/delivery-harness.ts';

describe('The courier', () => {
  let harness: DeliveryHarness;
  let life: Life;
  beforeEach(async () => {
    harness = await DeliveryHarness.create();
  });
  afterEach(async () => {
    assert.deepEqual(accountErrors(life.courier.counts()), []);
    await life.courier.stop();
    await life.journal.close();
    await harness.remove();
  });

  const rowsOf = (link: FakeLink) => link.received.map(({ name, n }) => `${name} ${n}`);
  const counts = (changes: Partial<DeliveryCounts>): DeliveryCounts => ({
    peer: 'a',
    name: 's1',
    taken: 0,
    refused: 0,
    sent: 0,
    resent: 0,
    confirmed: 0,
    dropped: 0,
    skipped: {},
    pending: 0,
    ...changes,
  });

  test('a row that the transport has no form for is booked as such, and those around it as confirmed', async () => {
    harness.subscribe(subscription('a', 's1'), subscription('a', 's2'));
    life = await harness.live();
    const a = new FakeLink();
    for (const n of ['2', '4', '5']) a.unsendable.add(n);
    life.courier.attach('a', a);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1', '2', '3', '4'] })));
    await life.courier.take(logEntry(batchLine('s2', { added: ['5'] })));
    await life.courier.settled();
    assert.deepEqual(rowsOf(a), ['s1 1', 's1 3']);
    assert.deepEqual(life.courier.counts(), [
      counts({ taken: 4, sent: 4, confirmed: 2, skipped: { unsendable: 2 } }),
      counts({ name: 's2', taken: 1, sent: 1, skipped: { unsendable: 1 } }),
    ]);
  });

  test('a row that the Zeek refuses is booked as such and reported, and those around it as confirmed', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live();
    const a = new FakeLink();
    for (const n of ['2', '3']) a.refused.add(n);
    life.courier.attach('a', a);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1', '2', '3', '4'] })));
    await life.courier.settled();
    assert.deepEqual(life.courier.counts(), [
      counts({ taken: 4, sent: 4, confirmed: 2, skipped: { refused: 2 } }),
    ]);
    // The first at once, the other with those to come.
    const [report] = harness.reports.filter(({ type }) => type === 'row-problem');
    assert(report?.type === 'row-problem' && report.problem.startsWith('Zeek refused it'));
  });

  test('rows reach the Bro whose query has the name, in order, and are booked as confirmed', async () => {
    harness.subscribe(subscription('a', 's1'), subscription('b', 's2'));
    life = await harness.live();
    const [a, b] = [new FakeLink(), new FakeLink()];
    life.courier.attach('a', a);
    life.courier.attach('b', b);
    await life.courier.take(logEntry(batchLine('s1', { removed: ['1'], added: ['2', '3'] })));
    await life.courier.take(logEntry(batchLine('s2', { added: ['4'] })));
    await life.courier.take(logEntry(batchLine('pack_others_x', { added: ['5'] })));
    await life.courier.settled();
    assert.deepEqual(rowsOf(a), ['s1 1', 's1 2', 's1 3']);
    assert.deepEqual(
      a.received.map(({ change }) => change),
      ['REMOVED', 'ADDED', 'ADDED'],
    );
    assert.deepEqual(rowsOf(b), ['s2 4']);
    assert.deepEqual(life.courier.counts(), [
      counts({ taken: 3, sent: 3, confirmed: 3 }),
      counts({ peer: 'b', name: 's2', taken: 1, sent: 1, confirmed: 1 }),
    ]);
  });

  test('what was not confirmed is sent again after a reconnect, under the same numbers', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live();
    const first = new FakeLink();
    first.confirms = 'when-told';
    life.courier.attach('a', first);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1', '2'] })));
    await until(() => first.received.length === 2, 'the rows are sent');
    first.break();
    life.courier.detach('a', first);
    assert.deepEqual(life.courier.counts(), [counts({ taken: 2, sent: 2, pending: 2 })]);
    const second = new FakeLink();
    life.courier.attach('a', second);
    await life.courier.settled();
    assert.deepEqual(second.received, first.received);
    assert.deepEqual(life.courier.counts(), [counts({ taken: 2, sent: 2, resent: 2, confirmed: 2 })]);
  });

  test('rows go on after the death of the process from where the Bro confirmed', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live();
    const first = new FakeLink();
    life.courier.attach('a', first);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1', '2'] })));
    await life.courier.settled();
    first.confirms = 'when-told';
    await life.courier.take(logEntry(batchLine('s1', { added: ['3', '4'] })));
    await until(() => first.received.length === 4, 'the rows are sent');
    await life.cursors.flush();
    const directory = await harness.crash();
    await life.courier.stop();
    await life.journal.close();
    life = await harness.live({}, {}, directory);
    const second = new FakeLink();
    life.courier.attach('a', second);
    await life.courier.settled();
    assert.deepEqual(second.received, first.received.slice(2));
    assert.deepEqual(life.courier.counts(), [counts({ taken: 2, sent: 2, confirmed: 2 })]);
  });

  test('a Bro gets the changes that it subscribed to', async () => {
    harness.subscribe(
      subscription('a', 'added', { updateType: 'ADDED' }),
      subscription('a', 'removed', { updateType: 'REMOVED' }),
    );
    life = await harness.live();
    const a = new FakeLink();
    life.courier.attach('a', a);
    for (const name of ['added', 'removed']) {
      await life.courier.take(logEntry(batchLine(name, { removed: ['1'], added: ['2', '3'] })));
    }
    await life.courier.settled();
    assert.deepEqual(rowsOf(a), ['added 2', 'added 3', 'removed 1']);
    assert.deepEqual(life.courier.counts(), [
      counts({ name: 'added', taken: 3, sent: 2, confirmed: 2, skipped: { 'update-type': 1 } }),
      counts({ name: 'removed', taken: 3, sent: 1, confirmed: 1, skipped: { 'update-type': 2 } }),
    ]);
  });

  test('rows of the first run go only to a Bro that wants them; of events none are', async () => {
    harness.subscribe(
      subscription('a', 'with'),
      subscription('a', 'without', { initialRows: false }),
      subscription('a', 'events', { initialRows: false, eventBased: true }),
      // osquery forgets results after a week without a run, and begins to count anew.
      {
        ...subscription('a', 'old', { initialRows: false }),
        subscribedAt: (1_700_000_000 - 8 * 86_400) * 1000,
      },
    );
    life = await harness.live();
    const a = new FakeLink();
    life.courier.attach('a', a);
    for (const name of ['with', 'without', 'events', 'old']) {
      await life.courier.take(logEntry(batchLine(name, { added: ['1'] }, 0)));
      await life.courier.take(logEntry(batchLine(name, { added: ['2'] }, 1)));
    }
    await life.courier.settled();
    assert.deepEqual(
      a.received.map(({ name, n, change }) => `${name} ${n} ${change}`),
      [
        'with 1 INITIAL',
        'with 2 ADDED',
        'without 2 ADDED',
        'events 1 ADDED',
        'events 2 ADDED',
        'old 1 ADDED',
        'old 2 ADDED',
      ],
    );
  });

  test('rows of a query that has ended meanwhile are skipped', async () => {
    harness.subscribe(subscription('a', 's1'), subscription('a', 's2'));
    life = await harness.live();
    await life.courier.take(logEntry(batchLine('s1', { added: ['1', '2'] })));
    await life.courier.take(logEntry(batchLine('s2', { added: ['3'] })));
    await life.courier.settled();
    harness.deliverables.delete('s1');
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.settled();
    assert.deepEqual(rowsOf(a), ['s2 3']);
    assert.deepEqual(life.courier.counts(), [
      counts({ taken: 2, skipped: { ended: 2 } }),
      counts({ name: 's2', taken: 1, sent: 1, confirmed: 1 }),
    ]);
  });

  test('the answer to a one-time query reaches its Bro though no query has the name', async () => {
    life = await harness.live();
    const a = new FakeLink();
    life.courier.attach('a', a);
    const once = subscription('a', 'once', { updateType: 'SNAPSHOT' });
    const rows = Array.from({ length: 2500 }, (_, n) => ({ n: `\udcff${n}` }));
    await life.courier.take(await executionEntry(once, 1_700_000_000, rows, harness.ports()));
    await life.courier.take(await executionEntry(once, 1_700_000_000, [], harness.ports()));
    await life.courier.settled();
    assert.deepEqual(
      a.received.map(({ name: of, n, change }) => `${of} ${n} ${change}`),
      rows.map(({ n }) => `once ${n} SNAPSHOT`),
    );
    assert.deepEqual(life.courier.counts(), [
      counts({ name: 'once', taken: 2500, sent: 2500, confirmed: 2500 }),
    ]);
  });

  test('an event reaches each query that it satisfies, under one number', async () => {
    harness.subscribe(
      subscription('a', 's1', { topic: '/one' }),
      subscription('a', 's2', { topic: '/two' }),
      subscription('b', 's3'),
    );
    harness.matchEvent = (columns) =>
      columns['path'] === '/etc/passwd'
        ? ['s1', 's2', 's3'].map((name) => ({ name, columns: { n: `${name}!` } }))
        : [];
    life = await harness.live();
    const [a, b] = [new FakeLink(), new FakeLink()];
    life.courier.attach('a', a);
    life.courier.attach('b', b);
    await life.courier.take({
      kind: 'event',
      header: null,
      payload: Buffer.from('{"path":"/etc/passwd","time":"7"}'),
    });
    await life.courier.take({ kind: 'event', header: null, payload: Buffer.from('{"path":"/etc/shadow"}') });
    await life.courier.settled();
    assert.deepEqual(rowsOf(a), ['s1 s1!', 's2 s2!']);
    assert.deepEqual(rowsOf(b), ['s3 s3!']);
    assert.equal(new Set([...a.received, ...b.received].map(({ sequence }) => sequence)).size, 1);
    assert.deepEqual(
      life.courier.counts().map(({ taken, sent, confirmed }) => [taken, sent, confirmed]),
      [
        [1, 1, 1],
        [1, 1, 1],
        [1, 1, 1],
      ],
    );
  });

  test('rows that cannot be sent are skipped, booked, and reported once in a while', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live();
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1', 'odd', '', 'odd', '2'] })));
    await life.courier.settled();
    harness.time += 60_000;
    await life.courier.take(logEntry(batchLine('s1', { added: ['odd'] })));
    await life.courier.take(logEntry(Buffer.from('{"name":')));
    await life.courier.settled();
    assert.deepEqual(rowsOf(a), ['s1 1', 's1 2']);
    const reports = (type: string) => harness.reports.filter((report) => report.type === type);
    assert.deepEqual(reports('row-problem'), [
      { type: 'row-problem', peer: 'a', name: 's1', problem: 'n is no number', rows: 1 },
      { type: 'row-problem', peer: 'a', name: 's1', problem: 'n is no number', rows: 2 },
    ]);
    assert.deepEqual(reports('malformed-line'), [
      { type: 'malformed-line', problem: 'expected a value, but the text ends', offset: 8 },
    ]);
    assert.deepEqual(life.courier.counts(), [
      counts({ taken: 6, sent: 2, confirmed: 2, skipped: { misfit: 3, null: 1 } }),
    ]);
  });

  test('a result longer than a Bro may get is cut, and that is reported', async () => {
    harness.subscribe(subscription('a', 's1'));
    harness.rowsPerResult = 2;
    life = await harness.live();
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1', '2', '3', '4', '5'] })));
    await life.courier.settled();
    assert.deepEqual(rowsOf(a), ['s1 1', 's1 2']);
    assert.deepEqual(harness.reports, [{ type: 'result-cut', peer: 'a', name: 's1', rows: 3, limit: 2 }]);
  });

  test('events for one topic go out together, up to a bound', async () => {
    harness.subscribe(subscription('a', 's1'), subscription('a', 's2', { topic: '/other' }));
    life = await harness.live({}, { batchRows: 3 });
    await life.courier.take(logEntry(batchLine('s1', { added: ['1', '2', '3', '4'] })));
    await life.courier.take(logEntry(batchLine('s2', { added: ['5'] })));
    await life.courier.take(logEntry(batchLine('s1', { added: ['6'] })));
    await life.courier.settled();
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.settled();
    assert.deepEqual(
      a.batches.map(({ topic, rows }) => `${topic} ${rows.map(({ n }) => n).join()}`),
      ['/rows/a 1,2,3', '/rows/a 4', '/other 5', '/rows/a 6'],
    );
  });

  test('rows are bounded by their size as by their number, together and unconfirmed', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live({}, { batchBytes: 2_000, windowBytes: 4_000 });
    const rows = Array.from({ length: 12 }, (_, n) => String(n).padEnd(1_100, 'x'));
    await life.courier.take(logEntry(batchLine('s1', { added: rows })));
    const a = new FakeLink();
    a.confirms = 'when-told';
    life.courier.attach('a', a);
    await until(() => a.received.length === 4, 'the window is full');
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(
      a.batches.map(({ rows: { length } }) => length),
      [2, 2],
    );
    a.confirms = 'at-once';
    a.release();
    await life.courier.settled();
    assert.deepEqual(
      a.received.map(({ n }) => n),
      rows,
    );
  });

  test('the end of a former link takes nothing from the one that has followed it', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live();
    const [former, next] = [new FakeLink(), new FakeLink()];
    life.courier.attach('a', former);
    life.courier.attach('a', next);
    life.courier.detach('a', former);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1'] })));
    await life.courier.settled();
    assert.deepEqual([rowsOf(former), rowsOf(next)], [[], ['s1 1']]);
    life.courier.detach('a', next);
    await life.courier.take(logEntry(batchLine('s1', { added: ['2'] })));
    await life.courier.settled();
    assert.deepEqual(rowsOf(next), ['s1 1']);
  });

  test('skipping many rows yields the thread in between', async () => {
    harness.subscribe(subscription('a', 's1', { updateType: 'REMOVED' }));
    life = await harness.live();
    await life.courier.take(logEntry(batchLine('s1', { added: Array.from({ length: 2_000 }, () => 'x') })));
    await life.courier.caughtUp();
    const before = harness.turns;
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.settled();
    assert.deepEqual(a.received, []);
    assert.ok(harness.turns - before >= 10, `${harness.turns - before} turns`);
  });

  test('no more is sent than a Bro may leave unconfirmed', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live({}, { batchRows: 2, windowRows: 4 });
    const a = new FakeLink();
    a.confirms = 'when-told';
    life.courier.attach('a', a);
    const rows = Array.from({ length: 20 }, (_, n) => String(n));
    await life.courier.take(logEntry(batchLine('s1', { added: rows })));
    await until(() => a.received.length === 4, 'the window is full');
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(a.received.length, 4);
    assert.deepEqual(
      life.courier.senders().map(({ inFlight }) => inFlight),
      [4],
    );
    a.confirms = 'at-once';
    a.release();
    await life.courier.settled();
    assert.deepEqual(
      a.received.map(({ n }) => n),
      rows,
    );
  });

  test('a Bro that takes nothing delays neither osquery nor another Bro', async () => {
    harness.subscribe(subscription('a', 's1'), subscription('b', 's2'));
    life = await harness.live({}, { recentBytes: 500 });
    const [a, b] = [new FakeLink(), new FakeLink()];
    a.stuck = true;
    life.courier.attach('a', a);
    life.courier.attach('b', b);
    const rows = Array.from({ length: 100 }, (_, n) => String(n));
    for (const row of rows) {
      await life.courier.take(logEntry(batchLine('s1', { added: [row] })));
      await life.courier.take(logEntry(batchLine('s2', { added: [row] })));
    }
    await until(() => b.received.length === 100, 'the other Bro has all its rows');
    assert.equal(a.batches.length, 1);
    a.stuck = false;
    a.release();
    await life.courier.settled();
    assert.deepEqual(
      a.received.map(({ n }) => n),
      rows,
    );
  });

  test('where the scripts of a Bro acknowledge, rows settle by that', async () => {
    harness.subscribe(subscription('a', 's1'));
    harness.acknowledging.add('a');
    life = await harness.live();
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1', '2'] })));
    await until(() => a.markers.length === 1, 'the Bro is asked');
    assert.deepEqual(a.markers, [a.received[1]?.sequence]);
    assert.deepEqual(life.courier.counts(), [counts({ taken: 2, sent: 2, pending: 2 })]);
    life.courier.acknowledge('a', a.markers[0] ?? 0);
    await life.courier.settled();
    assert.deepEqual(life.courier.counts(), [counts({ taken: 2, sent: 2, confirmed: 2 })]);
  });

  test('scripts that stop to acknowledge hold nothing up for ever, and that is reported', async () => {
    harness.subscribe(subscription('a', 's1'));
    harness.acknowledging.add('a');
    life = await harness.live();
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1'] })));
    await until(() => harness.timers.size === 1, 'the grace has begun');
    for (const timer of harness.timers) timer();
    await life.courier.settled();
    await life.courier.take(logEntry(batchLine('s1', { added: ['2'] })));
    await life.courier.settled();
    assert.deepEqual(harness.reports, [{ type: 'acknowledgements-missing', peer: 'a' }]);
    assert.equal(a.markers.length, 1);
    assert.deepEqual(life.courier.counts(), [counts({ taken: 2, sent: 2, confirmed: 2 })]);
  });

  test('scripts that count are asked with the number of rows of each query, those left out not among them', async () => {
    harness.subscribe(subscription('a', 's1'), subscription('a', 's2'));
    harness.acknowledging.add('a');
    harness.counting.add('a');
    life = await harness.live();
    const a = new FakeLink();
    a.unsendable.add('2');
    a.onMarker = (number) => life.courier.acknowledge('a', number);
    life.courier.attach('a', a);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1', '2', '3'] })));
    await life.courier.settled();
    await life.courier.take(logEntry(batchLine('s2', { added: ['4', '5'] })));
    await life.courier.settled();
    const asked = harness.asked.map(({ run, rows }) => ({
      run,
      rows: [...rows].filter(([, sent]) => sent > 0),
    }));
    const total = new Map<string, number>();
    for (const { rows } of asked)
      for (const [cookie, sent] of rows) total.set(cookie, (total.get(cookie) ?? 0) + sent);
    assert.deepEqual(
      [...total].sort(),
      [
        ['ev_s1', 2],
        ['ev_s2', 2],
      ].sort(),
    );
    assert.ok(asked.every(({ run }) => run === 0));
  });

  test('rows that scripts miss are sent again after a pause, in a run of their own, and confirmed once they are there', async () => {
    harness.subscribe(subscription('a', 's1'));
    harness.acknowledging.add('a');
    harness.counting.add('a');
    life = await harness.live();
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1', '2', '3'] })));
    await until(() => a.markers.length === 1, 'the Bro is asked');
    const pending = new Set(harness.timers);
    life.courier.sendAgain('a', 0);
    life.courier.sendAgain('a', 0);
    await until(() => [...harness.timers].some((timer) => !pending.has(timer)), 'the pause has begun');
    assert.equal(a.begins, 0);
    for (const timer of harness.timers) if (!pending.has(timer)) timer();
    await until(() => a.markers.length === 2, 'the Bro is asked again');
    assert.equal(a.begins, 1);
    assert.deepEqual(
      a.received.map(({ n }) => n),
      ['1', '2', '3', '1', '2', '3'],
    );
    assert.deepEqual(
      harness.asked.map(({ run, rows }) => [run, [...rows]]),
      [
        [0, [['ev_s1', 3]]],
        [1, [['ev_s1', 3]]],
      ],
    );
    life.courier.acknowledge('a', a.markers[1] ?? 0);
    await life.courier.settled();
    assert.deepEqual(harness.reports, [{ type: 'rows-missing', peer: 'a', run: 0 }]);
    assert.deepEqual(life.courier.counts(), [counts({ taken: 3, sent: 3, resent: 3, confirmed: 3 })]);
  });

  test('scripts that count and do not answer are sent the rows again: the transport is not believed', async () => {
    harness.subscribe(subscription('a', 's1'));
    harness.acknowledging.add('a');
    harness.counting.add('a');
    life = await harness.live();
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1'] })));
    await until(() => harness.timers.size === 1, 'the grace has begun');
    for (const timer of [...harness.timers]) timer();
    await until(() => harness.reports.length === 1, 'it is sent again');
    assert.deepEqual(harness.reports, [{ type: 'rows-missing', peer: 'a', run: 0 }]);
    assert.deepEqual(life.courier.counts(), [counts({ taken: 1, sent: 1, pending: 1 })]);
    life.courier.detach('a');
  });

  test('a Bro that stays away costs another Bro no row, and is notified of its losses on its return', async () => {
    harness.subscribe(subscription('a', 's1'), subscription('b', 's2'));
    life = await harness.live({ maxBytes: 20_000, segmentBytes: 1000 });
    const b = new FakeLink();
    life.courier.attach('b', b);
    const rows = Array.from({ length: 300 }, (_, n) => String(n));
    for (const row of rows) {
      await life.courier.take(logEntry(batchLine('s1', { added: [row], removed: [] })));
      await life.courier.take(logEntry(batchLine('s2', { added: [row] })));
      assert.ok(life.journal.bytes <= 20_000);
    }
    await life.courier.settled();
    assert.deepEqual(
      b.received.map(({ n }) => n),
      rows,
    );
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.settled();
    const [lost] = life.courier.counts().filter(({ name }) => name === 's1');
    assert.ok(lost && lost.dropped > 200 && lost.dropped < 300);
    assert.deepEqual(
      a.received.map(({ n }) => n),
      rows.slice(lost.dropped),
    );
    assert.deepEqual(
      [...new Set(harness.gaps.map(({ peer, gap }) => `${peer}: ${gap.reason}`))],
      ['a: the journal is full (20000 bytes)'],
    );
    assert.equal(
      harness.gaps.reduce((sum, { gap }) => sum + gap.rows, 0),
      lost.dropped,
    );
    assert.ok((harness.gaps.at(-1)?.gap.last ?? 0) < (a.received[0]?.sequence ?? 0));
  });

  test('rows that have to go and can not be read are declared all the same, whatever is known of them', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live({ maxBytes: 4000, segmentBytes: 500 });
    const { journal, courier } = life;
    const reader = journal.reader.bind(journal);
    let closed = 0;
    journal.reader = () => ({
      damaged: 0,
      read: () => Promise.reject(new Error('EIO: i/o error, read')),
      async close() {
        closed += 1;
      },
    });
    for (let n = 0; n < 30; n += 1) await courier.take(logEntry(batchLine('s1', { added: [String(n)] })));
    journal.reader = reader;
    const trouble = harness.reports.filter(({ type }) => type === 'journal-trouble').length;
    assert.ok(trouble > 0);
    assert.equal(closed, trouble);
    const a = new FakeLink();
    courier.attach('a', a);
    await courier.settled();
    const why =
      "the journal is full (4000 bytes); more may be lost, as part of the journal can't be read: EIO: i/o error, read";
    const [told] = harness.gaps;
    assert.deepEqual(
      harness.gaps.map(({ peer, gap: { rows, reason } }) => ({ peer, rows, reason })),
      [{ peer: 'a', rows: 0, reason: why }],
    );
    assert.ok((told?.gap.last ?? 0) < (a.received[0]?.sequence ?? 0));
  });

  test('an event that can not be compared with the subscriptions is reported, and no Bro stumbles over it', async () => {
    harness.subscribe(subscription('a', 's1'));
    harness.matchEvent = () => {
      throw new Error('string or blob too big');
    };
    life = await harness.live();
    const a = new FakeLink();
    life.courier.attach('a', a);
    const event = {
      kind: 'event',
      header: null,
      payload: Buffer.from('{"path":"/etc/passwd","time":"7"}'),
    } as const;
    await life.courier.take(event);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1'] })));
    await life.courier.settled();
    assert.deepEqual(rowsOf(a), ['s1 1']);
    assert.deepEqual(harness.reports, [
      {
        type: 'malformed-line',
        problem: "can't match an event against the subscriptions: string or blob too big",
        offset: 0,
      },
    ]);
  });

  test('an unreported gap survives the process', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live({ maxBytes: 4000, segmentBytes: 500 });
    for (let n = 0; n < 50; n += 1)
      await life.courier.take(logEntry(batchLine('s1', { added: [String(n)] })));
    const dropped = () => life.courier.counts().reduce((sum, one) => sum + one.dropped, 0);
    const before = dropped();
    assert.ok(before > 0);
    await life.courier.stop();
    await life.journal.close();
    life = await harness.live();
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.settled();
    assert.equal(a.received.length, 50 - before);
    assert.deepEqual(
      harness.gaps.map(({ gap }) => gap.rows),
      [before],
    );
  });

  test('a gap counts as reported once the Bro has confirmed it: what breaks before that is told again, with what came since', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live({ maxBytes: 4000 });
    const tooLarge = (rows: number) =>
      batchLine('s1', { added: Array.from({ length: rows }, (_, n) => `${n}`) });
    await life.courier.take(logEntry(tooLarge(1000)));
    const first = new FakeLink();
    first.confirms = 'when-told';
    life.courier.attach('a', first);
    await until(() => harness.gaps.length === 1, 'the Bro is told');
    await life.courier.take(logEntry(tooLarge(2000)));
    first.break();
    await until(
      () => harness.reports.some(({ type }) => type === 'link-failed'),
      'the link is seen to be broken',
    );
    life.courier.attach('a', new FakeLink());
    await life.courier.settled();
    assert.deepEqual(
      harness.gaps.map(({ gap }) => gap.rows),
      [1000, 3000],
    );
  });

  test('results of osquery that may not have been received are reported once, survive the process, and are in no counts', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live();
    await life.courier.take(logEntry(batchLine('s1', { added: ['1'] })));
    await life.courier.declareUnseen('a', { from: 5000, to: 9000 }, 'nobody kept them');
    await life.courier.stop();
    await life.journal.close();
    life = await harness.live();
    await life.courier.declareUnseen('a', { from: 20_000, to: 21_000 }, 'nobody kept them');
    assert.deepEqual(life.courier.senders()[0]?.unreportedGap?.unseen, { from: 5000, to: 21_000 });
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.take(logEntry(batchLine('s1', { added: ['2'] })));
    await life.courier.settled();
    assert.deepEqual(
      harness.gaps.map(({ peer, gap: { rows, reason, unseen } }) => ({ peer, rows, reason, unseen })),
      [{ peer: 'a', rows: 0, reason: 'nobody kept them', unseen: { from: 5000, to: 21_000 } }],
    );
    assert.deepEqual(rowsOf(a), ['s1 1', 's1 2']);
    assert.deepEqual(life.courier.counts(), [counts({ taken: 2, sent: 2, confirmed: 2 })]);
    assert.equal(life.courier.senders()[0]?.unreportedGap, undefined);
  });

  test('rows that wait longer than the journal keeps them are given up', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live({ maxAge: 1000, segmentBytes: 500 });
    for (let n = 0; n < 80; n += 1)
      await life.courier.take(logEntry(batchLine('s1', { added: [String(n)] })));
    harness.time += 2000;
    for (let n = 0; n < 80; n += 1) await life.courier.take(logEntry(batchLine('s1', { added: ['new'] })));
    await until(() => harness.reports.some(({ type }) => type === 'gap'), 'the oldest rows are given up');
    const [gap] = harness.reports;
    assert.equal(gap?.type === 'gap' && gap.gap.reason, 'they were older than 1 s');
  });

  test('an entry that the journal cannot take is booked and declared, and the next one is taken', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live({ maxBytes: 4000 });
    const rows = Array.from({ length: 1000 }, (_, n) => String(n));
    const refused = await life.courier.take(logEntry(batchLine('s1', { added: rows })));
    assert.equal(refused.accepted, false);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1001'] })));
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.settled();
    assert.deepEqual(rowsOf(a), ['s1 1001']);
    assert.deepEqual(life.courier.counts(), [counts({ taken: 1001, refused: 1000, sent: 1, confirmed: 1 })]);
    assert.deepEqual(
      harness.gaps.map(({ gap }) => [gap.rows, gap.reason]),
      [[1000, 'they could not be written to the journal (too-large)']],
    );
  });

  test('the journal is emptied as the slowest Bro goes on', async () => {
    harness.subscribe(subscription('a', 's1'), subscription('b', 's2'));
    life = await harness.live({ segmentBytes: 500 });
    const [a, b] = [new FakeLink(), new FakeLink()];
    b.confirms = 'when-told';
    life.courier.attach('a', a);
    life.courier.attach('b', b);
    for (let n = 0; n < 200; n += 1) {
      await life.courier.take(logEntry(batchLine(n % 2 ? 's1' : 's2', { added: [String(n)] })));
    }
    await until(() => a.received.length === 100, 'the first Bro has its rows');
    assert.ok(life.journal.bytes > 20_000);
    b.confirms = 'at-once';
    b.release();
    await life.courier.settled();
    for (let n = 0; n < 100; n += 1) await life.courier.take(logEntry(batchLine('others', {})));
    await until(() => life.journal.segments.length < 70, 'segments are removed');
  });

  test('how long the oldest row of each Bro has waited is known, also after a restart', async () => {
    harness.subscribe(subscription('a', 's1'), subscription('b', 's2'));
    life = await harness.live();
    const began = harness.time;
    const waiting = () =>
      life.courier.senders().map(({ peer, oldestAt }) => [peer, oldestAt && oldestAt - began]);
    const hand = async (name: string, n: string, at: number) => {
      harness.time = began + at;
      await life.courier.take(logEntry(batchLine(name, { added: [n] })));
    };
    const [a, b] = [new FakeLink(), new FakeLink()];
    life.courier.attach('a', a);
    b.confirms = 'when-told';
    life.courier.attach('b', b);
    await hand('s1', '1', 0);
    await hand('s2', '2', 5_000);
    await until(() => b.received.length === 1 && a.taken === 1, 'both have their rows');
    await hand('s2', '3', 60_000);
    await until(() => life.courier.counts().some(({ taken }) => taken === 2), 'the last row is counted');
    assert.deepEqual(waiting(), [
      ['a', null],
      ['b', 5_000],
    ]);
    b.release();
    await until(() => b.received.length === 2, 'the other row follows');
    assert.deepEqual(waiting()[1], ['b', 60_000]);
    life.courier.detach('b');
    await life.courier.stop();
    await life.journal.close();

    life = await harness.live();
    await until(
      () => life.courier.senders().some(({ oldestAt }) => oldestAt !== null),
      'it is counted again',
    );
    assert.deepEqual(waiting()[1], ['b', 60_000]);
    life.courier.attach('b', new FakeLink());
    await life.courier.settled();
    assert.deepEqual(waiting()[1], ['b', null]);
  });

  test('a Bro that is configured no more keeps nothing', async () => {
    harness.subscribe(subscription('a', 's1'));
    life = await harness.live();
    await life.courier.take(logEntry(batchLine('s1', { added: ['1'] })));
    await life.courier.settled();
    harness.deliverables.clear();
    life.courier.forget('a');
    assert.deepEqual(life.courier.counts(), []);
    assert.deepEqual(life.courier.senders(), []);
  });

  test('a row that went out as an event is not sent again when the schedule brings it', async () => {
    harness.subscribe(subscription('a', 's1', { eventBased: true }));
    harness.wasSentAsEvent = (name, columns) => name === 's1' && columns['n'] === '1';
    life = await harness.live();
    const a = new FakeLink();
    life.courier.attach('a', a);
    await life.courier.take(logEntry(batchLine('s1', { added: ['1', '2'] })));
    await life.courier.settled();
    assert.deepEqual(rowsOf(a), ['s1 2']);
    assert.deepEqual(life.courier.counts(), [
      counts({ taken: 2, sent: 1, confirmed: 1, skipped: { 'sent-as-event': 1 } }),
    ]);
  });

  test('queries that have ended are summed up', async () => {
    life = await harness.live();
    const a = new FakeLink();
    life.courier.attach('a', a);
    for (let n = 0; n < 1100; n += 1) {
      await life.courier.take(
        await executionEntry(subscription('a', `once_${n}`), 0, [{ n: '1' }], harness.ports()),
      );
    }
    await life.courier.settled();
    const counts = life.courier.counts();
    assert.ok(counts.length < 700);
    assert.equal(
      counts.reduce((sum, { confirmed }) => sum + confirmed, 0),
      1100,
    );
  });
});
