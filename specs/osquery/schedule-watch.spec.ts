import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScheduleWatch } from '../../src/osquery/schedule-watch.ts';

test('the last runs are those of our own queries that have run', async () => {
  const watch = new ScheduleWatch({
    query: async () => [
      { name: 'bro_1', last_executed: '1795514240' },
      { name: 'bro_2', last_executed: '0' },
      { name: 'pack_theirs', last_executed: '1795514240' },
    ],
  });
  watch.taken(['bro_1', 'bro_2']);
  assert.deepEqual([...(await watch.lastRuns())], [['bro_1', 1_795_514_240_000]]);
});
