import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type LeasePlan, planLeases } from '../../src/nats/lease-plan.ts';

const PARTITIONS = 16;

/** Owners after each gateway that is alive has followed its plan, one after the other, until none has anything to do. */
function settle(owners: Map<number, string>, alive: readonly string[]): { moves: number; rounds: number } {
  let moves = 0;
  for (let round = 0; ; round += 1) {
    assert(round < 100, 'it comes to an end');
    let changed = false;
    for (const self of alive) {
      const plan: LeasePlan = planLeases({ self, alive: new Set(alive), owners, partitions: PARTITIONS });
      for (const partition of plan.release) {
        assert.equal(owners.get(partition), self, 'only what is its own');
        owners.delete(partition);
      }
      for (const partition of plan.take) {
        const owner = owners.get(partition);
        assert(owner === undefined || !alive.includes(owner), 'nothing of one that is alive');
        owners.set(partition, self);
        moves += 1;
      }
      changed ||= plan.take.length + plan.release.length > 0;
    }
    if (!changed) return { moves, rounds: round };
  }
}

function shares(owners: ReadonlyMap<number, string>, alive: readonly string[]): number[] {
  return alive.map((id) => [...owners.values()].filter((owner) => owner === id).length);
}

test('a gateway alone takes all partitions', () => {
  const owners = new Map<number, string>();
  settle(owners, ['a']);
  assert.deepEqual(shares(owners, ['a']), [16]);
});

test('a second one is given half, and what stays does not move', () => {
  const owners = new Map<number, string>();
  settle(owners, ['a']);
  const { moves } = settle(owners, ['a', 'b']);
  assert.deepEqual(shares(owners, ['a', 'b']), [8, 8]);
  assert.equal(moves, 8);
});

test('those of a dead one go to the others, and nothing else moves', () => {
  const owners = new Map<number, string>();
  settle(owners, ['a', 'b', 'c']);
  const before = new Map(owners);
  settle(owners, ['a', 'c']);
  for (const [partition, owner] of before) {
    if (owner !== 'b') assert.equal(owners.get(partition), owner);
  }
});

test('whatever was before, in the end each partition is served and the shares are even', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const ownersBefore = fc.array(fc.option(fc.constantFrom(...names)), {
    minLength: PARTITIONS,
    maxLength: PARTITIONS,
  });
  fc.assert(
    fc.property(ownersBefore, fc.subarray(names, { minLength: 1 }), (before, alive) => {
      const owners = new Map(before.flatMap((owner, at) => (owner === null ? [] : [[at, owner]])));
      settle(owners, alive);
      const counts = shares(owners, alive);
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        PARTITIONS,
      );
      assert(Math.max(...counts) - Math.min(...counts) <= 1 || alive.length > PARTITIONS, counts.join());
    }),
  );
});
