import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { OsqueryError } from '../../src/osquery/osquery-error.ts';
import { type DescriberParts, QueryDescriber } from '../../src/query/describe-client.ts';
import { type ExecutorParts, QueryExecutor } from '../../src/query/execute.ts';
import { DEFAULT_POLICY } from '../../src/schedule/policy.ts';
import type { Execution } from '../../src/schedule/schedule.ts';

/** A context whose log and clock are the spec's, and the ports over an osqueryd that is the spec's, too. */
function startPorts(client: Partial<DescriberParts['client'] & ExecutorParts['client']>) {
  let now = 1_795_500_000_000;
  const lines: string[] = [];
  const parts = {
    client,
    registered: () => Promise.resolve(),
    access: { read: async () => ({ tables: [], functions: [], result: [] }), forget: () => {} },
    isDistributed: () => false,
    maxRestarts: () => DEFAULT_POLICY.maxExecutionRestarts,
    now: () => now,
    log: pino({ base: null, timestamp: false }, { write: (line) => void lines.push(line) }),
  } as unknown as DescriberParts & ExecutorParts;
  const describer = new QueryDescriber(parts);
  const executor = new QueryExecutor(parts);
  return {
    lines,
    later(milliseconds: number) {
      now += milliseconds;
    },
    describe: async (queries: readonly string[]) => {
      const asked = queries.map((sql) => ({ dialect: 'osquery' as const, sql }));
      const all = await describer.describe({ queries: asked });
      return Object.fromEntries(Object.entries(all).map(([key, one]) => [key.replace('osquery: ', ''), one]));
    },
    execute: (execution: Execution) => executor.execute(execution, new AbortController().signal),
  };
}

const columns = [{ name: 'a', type: 'TEXT' }] as const;

test('however many queries are asked for, osqueryd has few of them at a time', async () => {
  let running = 0;
  let most = 0;
  const { describe } = startPorts({
    async getQueryColumns() {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return columns;
    },
  });
  const queries = Array.from({ length: 500 }, (_, at) => `SELECT ${at} AS a`);
  const described = await describe(queries);
  assert.deepEqual(described, Object.fromEntries(queries.map((sql) => [sql, { columns, tables: [] }])));
  assert.equal(most, 8);
});

test('queries that take long to prepare leave the others theirs, and do not hold up what comes after', async () => {
  const asked: string[] = [];
  const ports = startPorts({
    async getQueryColumns(sql, deadline) {
      asked.push(sql);
      ports.later(20_000);
      if (deadline !== undefined && deadline < 20_000) {
        throw new OsqueryError('timeout', `osquery did not answer within ${deadline} ms`);
      }
      return columns;
    },
  });
  const described = await ports.describe(['one', 'two', 'three', 'four']);
  assert.deepEqual(asked, ['one', 'two']);
  const busy = {
    code: 'osquery-timeout',
    error: 'osquery was busy for 30000 ms with other one-time queries; try again',
  };
  assert.deepEqual(described, {
    one: { columns, tables: [] },
    two: { code: 'osquery-timeout', error: 'osquery did not answer within 10000 ms' },
    three: busy,
    four: busy,
  });
});

test('a query that is refused is quoted in the log, not repeated', async () => {
  const sql = `SELECT '${'x'.repeat(60_000)}`;
  const { describe, lines } = startPorts({
    async getQueryColumns() {
      throw new OsqueryError('refused', `unrecognized token: "${sql}"`);
    },
  });
  await describe([sql]);
  assert.equal(lines.length, 1);
  const { sql: quoted, msg } = JSON.parse(lines[0] ?? '');
  assert.deepEqual([quoted, msg], [`${sql.slice(0, 500)}…`, msg]);
  assert.match(msg, /^osquery refused a query: unrecognized token: "SELECT 'x{400,480}…$/);
});

test('a one-time query at which osqueryd goes away each time is given up', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let times = 0;
  const { execute } = startPorts({
    async query() {
      times += 1;
      if (times < 4) setImmediate(() => t.mock.timers.tick(1_000));
      throw new OsqueryError('unreachable', 'osquery closed the connection');
    },
  });
  const execution = {
    name: 'bro_1',
    peer: 'zeek:9999',
    query: { sql: 'SELECT deadly' },
  } as unknown as Execution;
  assert.deepEqual(await execute(execution), {
    rows: 0,
    error: 'osqueryd exited 4 times while it ran; it is not retried',
  });
  assert.equal(times, 4);
});
