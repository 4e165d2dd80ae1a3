import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandledRows } from '../../src/gateway/handled-rows.ts';
import { manualClock } from '../support/manual-clock.ts';

function handling(acknowledges = true) {
  const clock = manualClock();
  const asked: number[] = [];
  const settled: string[] = [];
  const problems: string[] = [];
  const rows = new HandledRows({
    messages: { acknowledges, askFor: (number) => void asked.push(number) },
    clock,
    onProblem: (problem) => problems.push(problem),
  });
  return {
    rows,
    clock,
    asked,
    settled,
    problems,
    arrive: (name: string) => rows.arrived(() => settled.push(name)),
  };
}

test('rows are settled when the package has handled them, one question at a time', () => {
  const { rows, asked, settled, arrive } = handling();
  arrive('a');
  arrive('b');
  arrive('c');
  assert.deepEqual([asked, settled], [[1], []]);
  rows.acknowledged(1);
  assert.deepEqual([asked, settled], [[1, 3], ['a']]);
  rows.acknowledged(2);
  assert.deepEqual(settled, ['a'], 'less than was asked for says nothing');
  rows.acknowledged(3);
  assert.deepEqual(settled, ['a', 'b', 'c']);
});

test("without a package that says so Broker's word is enough", () => {
  const { asked, settled, arrive } = handling(false);
  arrive('a');
  assert.deepEqual([asked, settled], [[], ['a']]);
});

test("a package that falls silent is told of after 30 s, and Broker's word counts from then on", () => {
  const { clock, settled, problems, arrive } = handling();
  arrive('a');
  arrive('b');
  clock.advance(29_999);
  assert.deepEqual(settled, []);
  clock.advance(1);
  arrive('c');
  assert.deepEqual(settled, ['a', 'b', 'c']);
  assert.equal(problems.length, 1);
});

test('a Zeek that is gone settles nothing', () => {
  const { rows, clock, settled, arrive } = handling();
  arrive('a');
  rows.end();
  rows.acknowledged(1);
  clock.advance(60_000);
  assert.deepEqual(settled, []);
});
