import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createActor, SimulatedClock } from 'xstate';
import { type Append, type Appended, scheduleManagerMachine } from '../../actors/schedule-manager.machine.ts';
import type { BusMessage } from '../../src/bus/messages.ts';
import type { Executed } from '../../src/schedule/description.ts';
import { type Descriptions, type Question, questionKey } from '../../src/schedule/description.ts';
import type { ScheduleEvent } from '../../src/schedule/events.ts';
import { fold } from '../../src/schedule/evolve.ts';
import { DEFAULT_POLICY } from '../../src/schedule/policy.ts';
import { renderedOf } from '../../src/schedule/render.ts';
import { type Execution, initialState, subscriptions } from '../../src/schedule/schedule.ts';
import { CONSOLE_ROW } from '../../src/vocabulary/console-query.ts';
import type { RepeatedQuery, Request } from '../../src/vocabulary/model.ts';
import { busProbe, promiseProbe, settle } from '../support/machine-ports.ts';

const PEER = 'zeek:9999';
const columns = [{ name: 'pid', type: 'BIGINT' }] as const;
const tables = ['processes'];

function query(sql: string): RepeatedQuery {
  return {
    vocabulary: 'zeek-osquery',
    event: 'ev',
    sql,
    cookie: 'c',
    responseTopic: '/t',
    updateType: 'BOTH',
    initialRows: true,
    queryId: '',
    zeekInstance: '',
    interval: 10,
  };
}

const subscribe = (sql: string): Request => ({
  type: 'subscribe',
  query: query(sql),
  requiresTables: [],
  ifMissingTables: [],
});
const execute = (sql: string): Request => ({
  type: 'execute',
  query: query(sql),
  requiresTables: [],
  ifMissingTables: [],
});

function asked(request: Request, requestId = 1, peer = PEER): BusMessage {
  return { type: 'peer.request', peer, incarnation: 'i1', requestId, request, audience: { to: 'host' } };
}

const up = (peer = PEER, incarnation = 'i1'): BusMessage => ({
  type: 'peer.up',
  peer,
  incarnation,
  transport: 'tcp',
  authenticated: false,
});

/** A manager whose log and osquery are in the spec's hand; it has started, so many times, and knows one Bro. */
async function startManager({ schedule = initialState(), starts = 1 } = {}) {
  const bus = busProbe();
  const describe = promiseProbe<Descriptions, { readonly queries: readonly Question[] }>();
  const append = promiseProbe<Appended, Append>();
  const executing = promiseProbe<Executed, Execution>();
  const clock = new SimulatedClock();
  const log: ScheduleEvent[] = [];
  /** Of the log's last record; there were some before. */
  let sequence = 7;
  const actor = createActor(
    scheduleManagerMachine.provide({
      actions: { publish: bus.publish, publishAll: bus.publishAll },
      actors: { inbox: bus.inbox, describe: describe.logic, append: append.logic, execute: executing.logic },
    }),
    {
      clock,
      input: {
        schedule,
        sequence,
        policy: DEFAULT_POLICY,
        tables: [],
        pending: Array.from({ length: starts }, () => ({
          type: 'StartExtension' as const,
          at: 1,
          logId: '0a1b2c3d-0000-4000-8000-000000000000',
          renewNames: false,
          instanceId: 'i',
          version: '1.0.0',
        })),
      },
    },
  );
  actor.start();
  const manager = {
    actor,
    bus,
    describe,
    append,
    executing,
    clock,
    log,
    state: () => actor.getSnapshot().value,
    schedule: () => actor.getSnapshot().context.schedule,
    /** osquery and the log do their part until the manager rests. */
    async run(descriptions: Descriptions = {}) {
      for (let turn = 0; turn < 20; turn += 1) {
        await settle();
        if (manager.state() === 'describing') describe.last.resolve(descriptions);
        else if (manager.state() === 'logging') {
          const { expected, events } = append.last.input;
          assert.equal(expected, sequence, 'each decision comes right after what is in the log');
          sequence += events.length;
          log.push(...events);
          append.last.resolve({ sequence });
        } else if (manager.state() === 'idle') return;
      }
      throw new Error(`still ${manager.state()}`);
    },
  };
  await manager.run();
  bus.deliver(up());
  await manager.run();
  const told = bus.take();
  log.splice(0);
  return { ...manager, told };
}

const sql = 'SELECT pid FROM processes';
/** Queries in osquery's own words, and Zeek Agent's, as osquery has told of them. */
function describedAs(...texts: readonly string[]): Descriptions {
  return Object.fromEntries(
    (['osquery', 'zeek-agent-2'] as const).flatMap((dialect) =>
      texts.map((text) => [questionKey({ dialect, sql: text }), { columns, tables }]),
    ),
  );
}

function questions(...texts: readonly string[]): readonly Question[] {
  return texts.map((text) => ({ dialect: 'osquery', sql: text }));
}

const described = describedAs(sql);

test('a request is described, logged, and only then takes effect and is published', async () => {
  const { bus, describe, append, schedule, state, run } = await startManager();
  bus.deliver(asked(subscribe(sql)));
  assert.equal(state(), 'describing');
  assert.deepEqual(describe.last.input, { queries: questions(sql) });
  describe.last.resolve(described);
  await settle();
  assert.equal(state(), 'logging');
  assert.deepEqual(
    append.last.input.events.map(({ type }) => type),
    ['QuerySubscribed'],
  );
  assert.deepEqual(subscriptions(schedule()), []);
  assert.deepEqual(bus.take(), []);
  await run();
  assert.deepEqual(
    subscriptions(schedule()).map(({ name }) => name),
    ['bro_0a1b2c3d_1'],
  );
  const [changed, ...more] = bus.take();
  assert.deepEqual(more, []);
  assert.deepEqual(changed, {
    type: 'schedule.changed',
    ...renderedOf(schedule()),
    entries: 1,
    added: subscriptions(schedule()),
    removed: [],
  });
});

test('the state is the fold of what is in the log', async () => {
  const { bus, run, log, schedule } = await startManager();
  const before = schedule();
  bus.deliver(asked(subscribe(sql), 1));
  bus.deliver(asked({ type: 'join', vocabulary: 'zeek-osquery', group: 'servers' }, 2));
  await run(described);
  bus.deliver(asked({ type: 'unsubscribe', vocabulary: 'zeek-osquery', match: { by: 'sql', sql } }, 3));
  await run(described);
  assert.deepEqual(schedule(), fold(before, log));
});

test('the same request again changes nothing and is not logged', async () => {
  const { bus, run, log } = await startManager();
  bus.deliver(asked(subscribe(sql)));
  await run(described);
  bus.take();
  log.splice(0);
  bus.deliver(asked(subscribe(sql), 2));
  await run(described);
  assert.deepEqual(log, []);
  assert.deepEqual(bus.take(), []);
});

test("a query that osquery refuses is refused with osquery's message, to the Bro that requested it", async () => {
  const { bus, run, log, schedule } = await startManager();
  bus.deliver(asked(subscribe('SELECT nope FROM processes')));
  const [key = ''] = questions('SELECT nope FROM processes').map(questionKey);
  await run({ [key]: { code: 'osquery-refused', error: 'no such column: nope' } });
  assert.deepEqual(
    log.map(({ type }) => type),
    ['QueryRefused'],
  );
  assert.deepEqual(subscriptions(schedule()), []);
  const told = bus.take();
  assert.deepEqual(told, [
    {
      type: 'peer.tell',
      peer: PEER,
      notice: {
        level: 'error',
        text: 'no such column: nope',
        query: query('SELECT nope FROM processes'),
      },
    },
  ]);
});

test('requests that come while one is being logged are decided upon its outcome, in one batch', async () => {
  const { bus, append, describe, run, schedule } = await startManager();
  bus.deliver(asked(subscribe(sql), 1));
  bus.deliver(asked(subscribe('SELECT 2'), 2));
  bus.deliver(asked(subscribe('SELECT 3'), 3));
  const all = describedAs(sql, 'SELECT 2', 'SELECT 3');
  describe.last.resolve(all);
  await settle();
  assert.equal(append.last.input.events.length, 1);
  await run(all);
  assert.equal(append.last.input.events.length, 2);
  assert.deepEqual(
    subscriptions(schedule()).map(({ query: { sql: text } }) => text),
    [sql, 'SELECT 2', 'SELECT 3'],
  );
});

test('a log that takes nothing has requests refused, and what happened is tried again until it is in', async () => {
  const { bus, append, clock, describe, run, log, state, schedule } = await startManager();
  bus.deliver(asked(subscribe(sql)));
  bus.deliver(up('other:9999'));
  describe.last.resolve(described);
  await settle();
  append.last.reject(new Error('the disk is full'));
  await settle();
  assert.equal(state(), 'blocked');
  assert.deepEqual(
    bus.take().map((message) => [message.type, message.type === 'peer.tell' ? message.notice.text : '']),
    [
      ['peer.tell', "this host can't accept requests now: the disk is full"],
      ['schedule.blocked', ''],
    ],
  );
  clock.increment(1_000);
  await run(described);
  assert.deepEqual(
    log.map(({ type }) => type),
    ['BroConnected'],
  );
  assert.deepEqual(subscriptions(schedule()), []);
  bus.deliver(asked(subscribe(sql), 2));
  await run(described);
  assert.equal(subscriptions(schedule()).length, 1);
});

test('a log that takes nothing has those requests refused that it was to take, not those that came meanwhile', async () => {
  const { bus, append, clock, describe, run, schedule } = await startManager();
  bus.deliver(asked(subscribe(sql), 1));
  bus.deliver(asked(subscribe('SELECT 2'), 2));
  describe.last.resolve(described);
  await settle();
  append.last.reject(new Error('the disk is full'));
  await settle();
  assert.equal(bus.take().filter(({ type }) => type === 'peer.tell').length, 1);
  clock.increment(1_000);
  await run(describedAs('SELECT 2'));
  assert.deepEqual(
    subscriptions(schedule()).map(({ query: { sql: text } }) => text),
    ['SELECT 2'],
  );
});

test('a one-time query that its Bro cancels is not run, and its rows are dropped', async () => {
  const { actor, bus, executing, run, log } = await startManager();
  const name = 'bro_0a1b2c3d_1';
  bus.deliver(asked(execute(sql)));
  await run(described);
  assert.ok(name in actor.getSnapshot().children);
  bus.deliver(asked({ type: 'unsubscribe', vocabulary: 'zeek-osquery', match: { by: 'sql', sql } }, 2));
  await run();
  assert.ok(!(name in actor.getSnapshot().children));
  bus.take();
  executing.last.resolve({ rows: 3, error: '' });
  await settle();
  assert.deepEqual(bus.take(), []);
  assert.deepEqual(
    log.map(({ type }) => type),
    ['QueryExecuted', 'ExecutionCancelled'],
  );
});

test('a one-time query runs once it is in the log, and its end is a fact', async () => {
  const { bus, executing, run, log, schedule } = await startManager();
  bus.deliver(asked(execute(sql)));
  await run(described);
  assert.deepEqual(bus.take(), [{ type: 'execution.started', name: 'bro_0a1b2c3d_1', peer: PEER }]);
  assert.equal(executing.starts.length, 1);
  assert.equal(executing.last.input.query.sql, sql);
  executing.last.resolve({ rows: 3, error: '' });
  await settle();
  const [finished] = bus.take();
  assert.deepEqual(finished, {
    type: 'execution.finished',
    name: 'bro_0a1b2c3d_1',
    peer: PEER,
    rows: 3,
    error: '',
  });
  if (finished) bus.deliver(finished);
  await run();
  assert.deepEqual(
    log.map(({ type }) => type),
    ['QueryExecuted', 'ExecutionCompleted'],
  );
  assert.deepEqual(schedule().executions, {});
  assert.equal(executing.starts.length, 1);
});

test('the Bro is notified why a one-time query failed', async () => {
  const { bus, executing, run } = await startManager();
  bus.deliver(asked(execute(sql)));
  await run(described);
  bus.take();
  executing.last.reject(new Error('osquery timed out'));
  await settle();
  const [finished] = bus.take();
  if (finished) bus.deliver(finished);
  await run();
  const [told] = bus.take();
  assert.equal(told?.type, 'peer.tell');
  assert.match(told?.type === 'peer.tell' ? told.notice.text : '', /osquery timed out/);
});

test('a console is told of the end of its one-time query, with the number of rows, and can take it back', async () => {
  const { bus, executing, run, log } = await startManager();
  const request = execute(sql);
  assert(request.type === 'execute');
  const { interval: _, ...once } = { interval: 0, ...request.query };
  const query = { ...once, event: CONSOLE_ROW, cookie: 'r1' };
  bus.deliver(asked({ ...request, query }));
  await run(described);
  bus.take();
  executing.last.resolve({ rows: 3, error: '' });
  await settle();
  for (const finished of bus.take()) bus.deliver(finished);
  await run();
  const notice = { level: 'log', text: 'answered', query, rows: 3 } as const;
  assert.deepEqual(bus.take(), [{ type: 'peer.tell', peer: PEER, notice }]);
  bus.deliver(asked({ ...request, query: { ...query, cookie: 'r2' } }, 2));
  await run(described);
  const match = { by: 'identity', event: CONSOLE_ROW, sql, cookie: 'r2', interval: 1 } as const;
  const { updateType } = query;
  bus.deliver(asked({ type: 'unsubscribe', vocabulary: 'zeek-osquery', match: { ...match, updateType } }, 3));
  await run();
  assert.deepEqual(
    log.map(({ type }) => type),
    ['QueryExecuted', 'ExecutionCompleted', 'QueryExecuted', 'ExecutionCancelled'],
  );
});

test('a Zeek instance whose hello stops loses its queries after two minutes', async () => {
  const { bus, clock, run, schedule } = await startManager();
  const v5 = { ...query(sql), vocabulary: 'zeek-agent-2', zeekInstance: 'z1', queryId: 'q1' } as const;
  const greet = {
    type: 'greet',
    vocabulary: 'zeek-agent-2',
    zeekInstance: 'z1',
    zeekVersion: '8.2.0',
    packageVersion: '2.4.0',
  } as const;
  bus.deliver(asked(greet, 1));
  bus.deliver(asked({ type: 'subscribe', query: v5, requiresTables: [], ifMissingTables: [] }, 2));
  await run(described);
  clock.increment(100_000);
  bus.deliver(asked(greet, 3));
  await run(described);
  clock.increment(119_999);
  await run();
  assert.equal(subscriptions(schedule()).length, 1);
  clock.increment(1);
  await run();
  assert.equal(subscriptions(schedule()).length, 0);
});

test('a query that wants tables which this osquery has not is passed over in silence', async () => {
  const { bus, run, log } = await startManager();
  bus.deliver(
    asked({ type: 'subscribe', query: query(sql), requiresTables: ['nowhere'], ifMissingTables: [] }),
  );
  await run(described);
  assert.deepEqual(log, []);
  assert.deepEqual(bus.take(), []);
});

test('a Bro that requests faster than osquery answers is refused, and costs no memory', async () => {
  const { actor, bus } = await startManager();
  for (let n = 0; n < 1_500; n += 1) bus.deliver(asked(subscribe(`SELECT ${n}`), n));
  const waiting = actor.getSnapshot().context.pending.length;
  assert.equal(waiting, 1_000);
  assert.equal(bus.take().filter(({ type }) => type === 'peer.tell').length, 500);
});

test('draining logs our end and then ends', async () => {
  const { actor, append, bus, describe } = await startManager();
  bus.deliver({ type: 'extension.draining', reason: 'received SIGTERM' });
  describe.last.resolve({});
  await settle();
  assert.deepEqual(
    append.last.input.events.map((event: ScheduleEvent) => [event.type, event.data]),
    [['ExtensionStopped', { reason: 'received SIGTERM' }]],
  );
  append.last.resolve({ sequence: append.last.input.expected + 1 });
  await settle();
  assert.equal(actor.getSnapshot().status, 'done');
});

test('osquery is not asked about what the limits of a Bro forbid in any case', async () => {
  const { bus, describe, run, schedule } = await startManager();
  const { maxSqlLength, maxSubscriptions, requestsPerMinute } = DEFAULT_POLICY;
  const long = `SELECT 1 /*${'x'.repeat(maxSqlLength)}*/`;
  bus.deliver(asked(subscribe(long), 1));
  bus.deliver(asked(execute('SELECT 1\0'), 2));
  const desired = Array.from({ length: 10_000 }, (_, at) => `SELECT ${at}`);
  bus.deliver(
    asked(
      {
        type: 'desiredQueries',
        vocabulary: 'zeek-osquery',
        zeekInstance: '',
        queries: desired.map((text) => query(text)),
      },
      3,
    ),
  );
  // The first request went alone, what came while it was decided on is a batch.
  assert.deepEqual(describe.last.input, { queries: [] });
  describe.last.resolve({});
  await settle();
  await settle();
  const granted = desired.slice(0, maxSubscriptions);
  await run(describedAs(...granted));
  assert.deepEqual(
    describe.starts.map(({ input }) => input.queries).filter(({ length }) => length > 0),
    [questions(...granted)],
  );
  assert.equal(subscriptions(schedule()).length, maxSubscriptions);
  const reasons = new Map<string, number>();
  for (const message of bus.take()) {
    if (message.type !== 'peer.tell') continue;
    reasons.set(message.notice.text, (reasons.get(message.notice.text) ?? 0) + 1);
  }
  assert.deepEqual(
    [...reasons],
    [
      [`the SQL has ${long.length} characters, the limit is ${maxSqlLength}`, 1],
      ['the SQL is not valid UTF-8', 1],
      [
        `the limit of ${maxSubscriptions} subscriptions for each Zeek is exceeded on this host`,
        10_000 - maxSubscriptions,
      ],
    ],
  );
  // The refusals were requests of its minute, too: what is new is not even looked at, what it has still is.
  bus.deliver(asked(subscribe('SELECT 9999'), 4));
  await run();
  bus.deliver(asked(subscribe('SELECT 1'), 5));
  await run(describedAs('SELECT 1'));
  assert.deepEqual(
    describe.starts.slice(-2).map(({ input }) => input.queries),
    [[], questions('SELECT 1')],
  );
  assert.deepEqual(
    bus.take().map((message) => (message.type === 'peer.tell' ? message.notice.text : message.type)),
    [`more than ${requestsPerMinute} new requests in a minute; try again later`],
  );
});

test('a one-time query that was given up is not run again, and its Bro is notified at its next connect', async () => {
  const first = await startManager();
  first.bus.deliver(asked(execute(sql)));
  await first.run(described);
  assert.equal(first.executing.starts.length, 1);
  const third = await startManager({ schedule: first.schedule(), starts: 3 });
  assert.equal(third.executing.starts.length, 1);
  const fourth = await startManager({ schedule: first.schedule(), starts: 4 });
  assert.equal(fourth.executing.starts.length, 0);
  assert.deepEqual(
    fourth.told.filter(({ type }) => type === 'peer.tell'),
    [
      {
        type: 'peer.tell',
        peer: PEER,
        notice: {
          level: 'error',
          text: 'one-time query bro_0a1b2c3d_1: given up, because the extension stopped several times before it was answered',
          query: query(sql),
        },
      },
    ],
  );
});
