import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pair } from './pairing-model.ts';
import { readPairings } from './pairings-file.ts';

for (const { name, expected, ...evidence } of readPairings())
  test(`pairing: ${name}`, () => {
    const makers = pair(evidence);
    for (const [index, { uid, holder }] of evidence.opened.entries()) {
      if (holder !== undefined) continue;
      const found = makers[index];
      const wanted = expected.get(uid);
      assert.ok(found && wanted, uid);
      assert.deepEqual({ pids: found.pids.toSorted(), others: found.others }, wanted, uid);
    }
  });

/** Connects of a few programs at random moments, each audited within the tolerance of its time. */
const story = fc
  .record({
    gaps: fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 40 }),
    pids: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 40, maxLength: 40 }),
    late: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 40, maxLength: 40 }),
    known: fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
  })
  .map(({ gaps, pids, late, known }) => {
    let at = 10;
    const truth = gaps.map((gap, n) => {
      at += gap / 100_000;
      return { uid: String(n), start: at, pid: pids[n] ?? 1, known: known[n] ?? false, late: late[n] ?? 0 };
    });
    const audited = truth.toSorted((a, b) => a.start + a.late / 100_000 - (b.start + b.late / 100_000));
    const opened = truth.map(({ uid, start, pid, known: exact }) => ({
      uid,
      start,
      sure: true,
      holder: exact ? pid : undefined,
    }));
    const connects = audited.map(({ pid }) => ({ pid, earliest: 0, latest: 100, sure: true }));
    return { truth, evidence: { opened, connects, toldUntil: 1_000, seenUntil: 1_000 } };
  });

test('where everything was audited, whoever opened a connection is among those that can have made it', () => {
  fc.assert(
    fc.property(story, ({ truth, evidence }) => {
      for (const [index, makers] of pair(evidence).entries()) {
        const one = truth[index];
        if (!one || one.known) continue;
        assert.ok(makers.pids.includes(one.pid), `${one.uid}: ${one.pid} of ${makers.pids}`);
      }
    }),
    { numRuns: 300 },
  );
});

test('where one connect was lost, nobody is named for sure who did not open the connection', () => {
  fc.assert(
    fc.property(story, fc.nat(39), ({ truth, evidence }, lost) => {
      const connects = evidence.connects.filter((_, index) => index !== lost % evidence.connects.length);
      const known = { ...evidence, opened: evidence.opened.map((one) => ({ ...one, holder: undefined })) };
      for (const [index, { pids, others }] of pair({ ...known, connects }).entries())
        assert.ok(others || pids.length !== 1 || pids[0] === truth[index]?.pid);
    }),
    { numRuns: 300 },
  );
});
