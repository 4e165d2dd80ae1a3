import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Answers } from '../../src/console/answers.ts';
import type { Item, ItemKind } from '../../src/console/model.ts';

function item(kind: ItemKind, host = '', more: Partial<Item> = {}): Item {
  return { request: 'q', kind, host, number: 0, at: 0, text: '', detail: '', ...more };
}

function taken(...items: readonly Item[]): Answers {
  const answers = new Answers();
  for (const one of items) answers.take(one);
  return answers;
}

const ASKED = [
  item('asked', 'a', { text: 'web-a' }),
  item('asked', 'b', { text: 'web-b' }),
  item('all-asked'),
];

test('a host has answered once it says so and its rows are here, whichever comes first', () => {
  const before = taken(...ASKED, item('done', 'a', { number: 2 }), item('row', 'a', { number: 7 }));
  assert.equal(before.counts.answered, 0);
  before.take(item('row', 'a', { number: 8 }));
  assert.deepEqual(before.counts, {
    ...{ asked: 2, answered: 1, failed: 0, absent: 0, silent: 1, rows: 2, isAsked: true, isComplete: false },
  });
  const none = taken(...ASKED, item('done', 'a'), item('done', 'b'));
  assert.equal(none.counts.isComplete, true);
});

test('a row that comes again under its number is counted once', () => {
  const answers = taken(...ASKED);
  const row = (number: number) => answers.take(item('row', 'a', { number }));
  assert.deepEqual([row(5), row(6), row(5), row(6), row(9)], [true, true, false, false, true]);
  // A Zeek before 8.0 hands no numbers on.
  assert.deepEqual([row(0), row(0)], [true, true]);
  assert.equal(answers.counts.rows, 5);
});

test('nothing is complete before all that are asked are known', () => {
  const answers = taken(item('asked', 'a'), item('done', 'a'));
  assert.equal(answers.counts.isComplete, false);
  answers.take(item('all-asked'));
  assert.equal(answers.counts.isComplete, true);
});

test('who is gone no longer counts as silent, and answers all the same when it is back', () => {
  const answers = taken(...ASKED, item('lost', 'a', { text: 'the host disconnected' }), item('failed', 'b'));
  assert.deepEqual([answers.counts.absent, answers.counts.silent, answers.counts.isComplete], [1, 0, true]);
  answers.take(item('done', 'a'));
  assert.deepEqual([answers.counts.absent, answers.counts.answered], [0, 1]);
  assert.deepEqual(answers.hosts('failed'), [{ id: 'b', name: 'web-b', state: 'failed', rows: 0, text: '' }]);
});
