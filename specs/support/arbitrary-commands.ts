import fc from 'fast-check';
import type { Command } from '../../src/schedule/commands.ts';
import { LOG_ID } from './schedule-builders.ts';

/**
 * Any sequence of commands, from few peers, queries and groups, so that they meet; with odd values among them.
 * Times need not grow: clocks are set back.
 */

function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

const at = fc.integer({ min: 0, max: 4 * 60_000 }).map((offset) => Date.UTC(2026, 10, 24) + offset);
const peer = fc.constantFrom('zeek:9999', 'other:9999', 'constructor');
const incarnation = fc.constantFrom('a', 'b');
const group = fc.constantFrom('geo', 'geo/de', 'geo/de/hamburg', 'geo/fr', 'servers', '', '/', '__proto__');
const zeekInstance = fc.constantFrom('', 'z1', 'z2');
const vocabulary = fc.constantFrom('zeek-osquery' as const, 'zeek-agent-2' as const);
const cause = record({ peer, requestId: fc.nat(99) });
const audience = fc.oneof(
  fc.constant({ to: 'all' } as const),
  fc.constant({ to: 'host' } as const),
  record({ to: fc.constant('group' as const), group }),
);
const sql = fc.constantFrom('SELECT 1 AS a', 'SELECT pid FROM processes', "SELECT '\udcff' AS a", '');
const oneTime = record({
  vocabulary,
  event: fc.constantFrom('ev', 'other'),
  sql,
  cookie: fc.constantFrom('', 'c'),
  responseTopic: fc.constant('t'),
  updateType: fc.constantFrom('ADDED' as const, 'REMOVED' as const, 'BOTH' as const, 'SNAPSHOT' as const),
  initialRows: fc.boolean(),
  queryId: fc.constantFrom('', 'q'),
  zeekInstance,
});
const interval = fc.oneof(fc.constantFrom(10, 10, 20), fc.double(), fc.constantFrom(-1, 0, Number.NaN));
const repeated = fc.tuple(oneTime, interval).map(([query, seconds]) => ({ ...query, interval: seconds }));
const columns = fc.constantFrom(
  [{ name: 'a', type: 'INTEGER' as const }],
  [],
  [{ name: 'a', type: 'TEXT' as const }],
);
const tables = fc.constantFrom([], ['processes'], ['shadow']);
const match = fc.oneof(
  record({ by: fc.constant('sql' as const), sql }),
  repeated.map(({ event, sql: text, cookie, updateType, interval: seconds }) => ({
    by: 'identity' as const,
    event,
    sql: text,
    cookie,
    updateType,
    interval: seconds,
  })),
  record({ by: fc.constant('queryId' as const), queryId: fc.constantFrom('', 'q'), zeekInstance }),
  record({ by: fc.constant('zeekInstance' as const), zeekInstance }),
);
const name = fc.integer({ min: 1, max: 9 }).map((n) => `bro_5eed1095_${n}`);
const reason = fc.string();
const peers = fc.uniqueArray(peer);

const type = <T extends Command['type']>(literal: T) => fc.constant(literal);

export const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: record({ type: type('ConnectBro'), at, peer, incarnation, transport: fc.constant('tcp') }),
  },
  { weight: 2, arbitrary: record({ type: type('LoseBro'), at, peer, reason }) },
  { weight: 2, arbitrary: record({ type: type('CompleteResync'), at, peer }) },
  { weight: 1, arbitrary: record({ type: type('ExpireBro'), at, peer }) },
  { weight: 1, arbitrary: record({ type: type('ConfigureBros'), at, peers }) },
  {
    weight: 20,
    arbitrary: record({
      type: type('Subscribe'),
      at,
      cause,
      peer,
      incarnation,
      audience,
      query: repeated,
      columns,
      tables,
    }),
  },
  {
    weight: 2,
    arbitrary: record({
      type: type('RefuseQuery'),
      at,
      cause,
      peer,
      request: fc.constantFrom('subscribe' as const, 'execute' as const),
      query: repeated,
      reason: record({ code: fc.constant('osquery'), text: reason }),
    }),
  },
  { weight: 4, arbitrary: record({ type: type('Unsubscribe'), at, cause, peer, vocabulary, match }) },
  {
    weight: 1,
    arbitrary: record({
      type: type('NarrowToDesiredQueries'),
      at,
      cause,
      peer,
      vocabulary,
      zeekInstance,
      queries: fc.array(repeated, { maxLength: 3 }),
    }),
  },
  {
    weight: 5,
    arbitrary: record({
      type: type('Execute'),
      at,
      cause,
      peer,
      incarnation,
      audience,
      query: oneTime,
      columns,
      tables,
    }),
  },
  {
    weight: 2,
    arbitrary: record({ type: type('CompleteExecution'), at, name, rows: fc.nat(), error: reason }),
  },
  { weight: 4, arbitrary: record({ type: type('Join'), at, cause, peer, group }) },
  { weight: 3, arbitrary: record({ type: type('Leave'), at, cause, peer, group }) },
  { weight: 1, arbitrary: record({ type: type('ConfigureGroups'), at, groups: fc.array(group) }) },
  { weight: 1, arbitrary: record({ type: type('GreetBro'), at, cause, peer, zeekInstance }) },
  {
    weight: 1,
    arbitrary: record({
      type: type('FarewellBro'),
      at,
      peer,
      cause: fc.oneof(cause, fc.constant(null)),
      zeekInstance,
      reason,
    }),
  },
  {
    weight: 1,
    arbitrary: record({
      type: type('StartExtension'),
      at,
      logId: fc.constantFrom(LOG_ID, 'feedbeef-0000'),
      renewNames: fc.boolean(),
      instanceId: fc.constant('i'),
      version: fc.constant('0.1.0'),
    }),
  },
  { weight: 1, arbitrary: record({ type: type('StopExtension'), at, reason }) },
  {
    weight: 1,
    arbitrary: record({
      type: type('RecordScheduleApplied'),
      at,
      hash: fc.constant('h'),
      entries: fc.nat(),
    }),
  },
  {
    weight: 1,
    arbitrary: record({ type: type('RecordScheduleRefused'), at, hash: fc.constant('h'), reason }),
  },
  { weight: 1, arbitrary: record({ type: type('RecordDenylisted'), at, name, denylisted: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: record({
      type: type('RecordOsqueryd'),
      at,
      osqueryd: record({
        pid: fc.nat(9),
        startedAt: fc.nat(9),
        boot: fc.constantFrom('', 'b'),
        version: fc.constant('5.23.1'),
      }),
      evidence: record({
        told: fc.boolean(),
        ends: fc.array(
          record({
            pid: fc.nat(9),
            blame: fc.constantFrom('query' as const, 'logger' as const, 'unknown' as const, 'none' as const),
            name: fc.oneof(fc.constant(''), name),
            text: reason,
          }),
          { maxLength: 2 },
        ),
        interrupted: fc.oneof(fc.constant(''), fc.constant(''), name),
      }),
    }),
  },
  { weight: 1, arbitrary: record({ type: type('RecordOsquerydStopping'), at }) },
  { weight: 2, arbitrary: record({ type: type('RecordFailure'), at, name, text: reason }) },
  { weight: 1, arbitrary: record({ type: type('RecordRecovery'), at, name }) },
  { weight: 2, arbitrary: record({ type: type('ReviewSuspensions'), at }) },
  { weight: 1, arbitrary: record({ type: type('RecordDrop'), at, peer, rows: fc.nat(), reason }) },
);

/** A log's life: it starts, then anything may come. */
export const life: fc.Arbitrary<Command[]> = fc
  .array(command, { maxLength: 60, size: 'max' })
  .map((commands) => [
    {
      type: 'StartExtension',
      at: Date.UTC(2026, 10, 24),
      logId: LOG_ID,
      renewNames: false,
      instanceId: 'i',
      version: '0.1.0',
    },
    ...commands,
  ]);
