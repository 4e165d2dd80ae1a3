import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Marks, type Run } from '../../src/delivery/marks.ts';

const NONE = { since: 0, upTo: 0, marks: [] };
const run = (name: string, unixTime: number, counter: number, rowCount = 1): Run => ({
  name,
  unixTime,
  counter,
  rowCount,
});

test('a run that is later than the last that came is missed, one that came or is earlier is not', () => {
  const marks = new Marks(NONE);
  marks.note(1, run('a', 100, 7, 3));
  const isMissed = marks.sieve();
  assert.deepEqual([run('a', 99, 6), run('a', 100, 7, 3), run('a', 101, 8), run('b', 50, 0)].map(isMissed), [
    false,
    false,
    true,
    true,
  ]);
});

test('where each row has a line, a run that was interrupted goes on after the rows that came', () => {
  const marks = new Marks(NONE);
  for (const sequence of [1, 2]) marks.note(sequence, run('a', 100, 7));
  const isMissed = marks.sieve();
  assert.deepEqual(
    Array.from({ length: 4 }, () => isMissed(run('a', 100, 7))),
    [false, false, true, true],
  );
});

test('of two runs in the same second the one that counts more is the later', () => {
  const marks = new Marks(NONE);
  marks.note(1, run('a', 100, 7, 2));
  const isMissed = marks.sieve();
  assert.deepEqual([run('a', 100, 6, 3), run('a', 100, 7, 2), run('a', 100, 8, 1)].map(isMissed), [
    false,
    false,
    true,
  ]);
});

test("an osqueryd that has lost its database restarts its counters, and a query's runs go on by their time", () => {
  const marks = new Marks(NONE);
  marks.note(1, run('a', 100, 500));
  marks.note(2, run('a', 200, 0));
  const isMissed = marks.sieve();
  assert.deepEqual([run('a', 100, 500), run('a', 200, 0), run('a', 201, 1)].map(isMissed), [
    false,
    false,
    true,
  ]);
});

test('what osquery ran before the first marks is not recovered', () => {
  const isMissed = new Marks({ ...NONE, since: 100 }).sieve();
  assert.deepEqual([run('a', 99, 0), run('a', 100, 1)].map(isMissed), [false, true]);
});

test('marks that were kept are not moved by the entries that they were taken from', () => {
  const marks = new Marks(NONE);
  marks.note(10, run('a', 100, 1));
  marks.note(20, run('a', 100, 1));
  const again = new Marks(marks.kept(21));
  again.note(10, run('a', 100, 1));
  again.note(20, run('a', 100, 1));
  assert.deepEqual(again.kept(21), marks.kept(21));
  again.note(21, run('a', 100, 1));
  assert.deepEqual(again.kept(22).marks, [{ name: 'a', unixTime: 100, counter: 1, rows: 3 }]);
  assert.equal(again.latest, 100);
});

test('queries that have ended are forgotten', () => {
  const marks = new Marks(NONE);
  marks.note(1, run('a', 100, 1));
  marks.note(2, run('b', 100, 1));
  marks.closeEnded((name) => name === 'b');
  assert.deepEqual(
    marks.kept(3).marks.map(({ name }) => name),
    ['b'],
  );
});

test('property: of a log read again, just the rows that never came are taken, whatever was kept in between', () => {
  const step = fc.record({
    name: fc.constantFrom('a', 'b', 'c'),
    later: fc.nat(3),
    rows: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step), fc.nat(), fc.nat(), (steps, diesAt, keptAt) => {
      let unixTime = 1;
      const counters = new Map<string, number>();
      const lines = steps.map(({ name, later, rows }) => {
        const counter = (counters.get(name) ?? -1) + 1;
        counters.set(name, counter);
        // One thread runs all queries, and none twice in the same second.
        unixTime += counter > 0 ? later + 1 : later;
        return run(name, unixTime, counter, rows);
      });
      const died = diesAt % (lines.length + 1);
      const kept = keptAt % (died + 1);
      const before = new Marks(NONE);
      for (const [sequence, line] of lines.slice(0, kept).entries()) before.note(sequence, line);
      const marks = new Marks(before.kept(kept));
      for (const [sequence, line] of lines.slice(0, died).entries()) marks.note(sequence, line);
      assert.deepEqual(lines.filter(marks.sieve()), lines.slice(died));
    }),
  );
});

test('marks tell whether any of some queries has had a run that came', () => {
  const marks = new Marks({ since: 0, upTo: 0, marks: [] });
  assert.equal(
    marks.hasSome(() => true),
    false,
  );
  marks.note(1, { name: 'a', unixTime: 10, counter: 0, rowCount: 1 });
  assert.deepEqual(
    ['a', 'b'].map((wanted) => marks.hasSome((name) => name === wanted)),
    [true, false],
  );
});
