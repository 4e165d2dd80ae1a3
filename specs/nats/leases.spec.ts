import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NatsConnection } from 'nats';
import { Leases } from '../../src/nats/leases-client.ts';
import { type ManualClock, manualClock } from '../support/manual-clock.ts';

const everythingDue = async () => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
};

/** A bucket with one key, as the server has it. */
function bucket() {
  let value: string | undefined;
  let revision = 0;
  const wrong = () => new Error('wrong last sequence: 7');
  return {
    isAway: false,
    get value() {
      return value === undefined ? undefined : JSON.parse(value);
    },
    kv() {
      const away = () => {
        if (this.isAway) throw new Error('timeout');
      };
      return {
        get: async () => {
          away();
          const text = value;
          return text === undefined ? null : { operation: 'PUT', revision, string: () => text };
        },
        create: async (_: string, text: string) => {
          away();
          if (value !== undefined) throw wrong();
          value = text;
          revision += 1;
        },
        update: async (_: string, text: string, expected: number) => {
          away();
          if (expected !== revision) throw wrong();
          value = text;
          revision += 1;
        },
      };
    },
  };
}

function gateway(id: string, clock: ManualClock, shared: ReturnType<typeof bucket>) {
  const told: string[] = [];
  const releases: PromiseWithResolvers<void>[] = [];
  const leases = new Leases({
    client: { jetstream: () => ({ views: { kv: async () => shared.kv() } }) } as unknown as NatsConnection,
    ...{ bucket: 'B', replicas: 1, self: id, clock },
    member: { name: id, version: '1', zeek: 'z' },
    onTaken: () => {},
    onRelease: () => {
      const release = Promise.withResolvers<void>();
      releases.push(release);
      return release.promise;
    },
    onLost: (partition, isTaken) => told.push(`lost ${partition}${isTaken ? ' to another' : ''}`),
    onTrouble: (trouble) => told.push(trouble === '' ? 'well' : trouble),
  });
  leases.begin();
  return { leases, told, releases };
}

async function pass(clock: ManualClock, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    clock.advance(1_000);
    await everythingDue();
  }
}

test('a gateway whose beat has stood still for 8 s is replaced, and not before', async () => {
  const clock = manualClock();
  const shared = bucket();
  const first = gateway('a', clock, shared);
  await everythingDue();
  assert.equal(first.leases.serving.size, 16);
  const second = gateway('b', clock, shared);
  await everythingDue();
  // It dies without a word.
  first.leases.abandon();
  await pass(clock, 7);
  assert.equal(second.leases.serving.size, 0);
  await pass(clock, 2);
  assert.equal(second.leases.serving.size, 16);
  assert.deepEqual(Object.keys(shared.value.gateways), ['b']);
});

test('one that can not write its beat stops serving before another takes its place', async () => {
  const clock = manualClock();
  const shared = bucket();
  const only = gateway('a', clock, shared);
  await everythingDue();
  shared.isAway = true;
  await pass(clock, 5);
  assert.equal(only.leases.serving.size, 16);
  await pass(clock, 2);
  assert.equal(only.leases.serving.size, 0);
  assert.equal(only.told.filter((text) => text.startsWith('lost')).length, 16);
  shared.isAway = false;
  await pass(clock, 1);
  assert.equal(only.leases.serving.size, 16, 'its own leases are not waited for');
});

test('a share is given back once nothing of it is under way, and only then taken', async () => {
  const clock = manualClock();
  const shared = bucket();
  const first = gateway('a', clock, shared);
  await everythingDue();
  const second = gateway('b', clock, shared);
  await pass(clock, 2);
  assert.equal(first.releases.length, 8);
  assert.equal(second.leases.serving.size, 0);
  for (const release of first.releases) release.resolve();
  await pass(clock, 2);
  assert.deepEqual([first.leases.serving.size, second.leases.serving.size], [8, 8]);
});

test('one that was held up for long, and whose place another has taken, serves nobody when it goes on', async () => {
  const clock = manualClock();
  const shared = bucket();
  const stopped = gateway('a', clock, shared);
  await everythingDue();
  const others = manualClock();
  const heir = gateway('b', others, shared);
  await pass(others, 10);
  assert.equal(heir.leases.serving.size, 16);
  await pass(clock, 1);
  assert.equal(stopped.leases.serving.size, 0);
  assert.equal(stopped.told.filter((text) => text.endsWith('to another')).length, 16);
});

test('a table of another version is told of, and nothing is done by it', async () => {
  const clock = manualClock();
  const shared = bucket();
  await shared.kv().create('leases', JSON.stringify({ partitions: 32, given: 0, gateways: {}, leases: {} }));
  const { leases, told } = gateway('a', clock, shared);
  await everythingDue();
  assert.equal(leases.serving.size, 0);
  assert.deepEqual(told, ['it divides hosts into 32 partitions, this version into 16']);
});
