import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { createActor, toPromise } from 'xstate';
import { createBus } from '../../../../src/bus/bus.ts';
import { createExtensionContext } from '../../../../src/cli/extension/extension-context.ts';
import {
  describePort,
  executePort,
  type QueryParts,
} from '../../../../src/cli/extension/ports/run-queries.ts';
import { OsqueryError } from '../../../../src/osquery/osquery-error.ts';
import type { Execution } from '../../../../src/schedule/schedule.ts';

/** A context whose log and clock are the spec's, and the ports over an osqueryd that is the spec's, too. */
function startPorts(client: Partial<QueryParts['client']>) {
  let now = 1_795_500_000_000;
  const lines: string[] = [];
  const runtime = { now: () => now, random: () => 0.5, uuid: () => '5ba5a5e5-0000-4000-8000-000000000001' };
  const context = createExtensionContext({
    runtime,
    log: pino({ base: null, timestamp: false }, { write: (line) => void lines.push(line) }),
    bus: createBus({ now: runtime.now, onFailure: (error) => assert.fail(String(error)) }),
    version: '1.0.0',
  });
  const parts = {
    client,
    registered: () => Promise.resolve(),
    access: { read: async () => ({ tables: [], functions: [], result: [] }), forget: () => {} },
    fetches: () => false,
  } as unknown as QueryParts;
  return {
    lines,
    later(milliseconds: number) {
      now += milliseconds;
    },
    describe: (queries: readonly string[]) =>
      toPromise(
        createActor(describePort(context, parts), {
          input: { queries: queries.map((sql) => ({ dialect: 'osquery' as const, sql })) },
        }).start(),
      ).then((all) =>
        Object.fromEntries(Object.entries(all).map(([key, one]) => [key.replace('osquery: ', ''), one])),
      ),
    execute: (execution: Execution) =>
      toPromise(createActor(executePort(context, parts), { input: execution }).start()),
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
