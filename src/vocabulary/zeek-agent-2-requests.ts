import type { Data } from '../broker/data.ts';
import { clampInterval, LONGEST_INTERVAL } from './intervals.ts';
import type { Query, Request } from './model.ts';
import { columnsRequest } from './query-columns.ts';
import {
  type Arguments,
  isEventName,
  type RequestDefinition,
  type RequestSource,
  signature,
} from './request-reader.ts';

const vocabulary = 'zeek-agent-2';

/** The requests of V5 by event name. */
export function zeekAgent2Requests(prefix: string): ReadonlyMap<string, RequestDefinition> {
  return new Map<string, RequestDefinition>([
    [
      'ZeekAgentAPI::install_query_v1',
      {
        signature: signature('zeek_instance: string, query_id: string, query: ZeekAgent::Query'),
        build: (args, source) => readInstall(args, source, prefix),
      },
    ],
    [
      'ZeekAgentAPI::cancel_query_v1',
      {
        signature: signature('zeek_instance: string, query_id: string'),
        build: (args) => ({
          type: 'unsubscribe',
          vocabulary,
          match: { by: 'queryId', zeekInstance: args.string(0), queryId: args.string(1) },
        }),
      },
    ],
    [
      'ZeekAgentAPI::zeek_hello_v1',
      {
        signature: signature('zeek_instance: string, info: ZeekAgentAPI::ZeekHelloV1'),
        build: (args) => {
          const info = args.record(1, args.vector(1), HELLO_RECORD);
          return {
            type: 'greet',
            vocabulary,
            zeekInstance: args.string(0),
            zeekVersion: info.string(0),
            packageVersion: info.string(2),
          };
        },
      },
    ],
    [
      'ZeekAgentAPI::zeek_shutdown_v1',
      {
        signature: signature('zeek_instance: string'),
        build: (args) => ({ type: 'farewell', vocabulary, zeekInstance: args.string(0) }),
      },
    ],
    columnsRequest(vocabulary),
  ]);
}

const HELLO_RECORD = signature('version_string: string, version_number: count, package_version: string');

/** `ZeekAgent::Query` up to its last field that can't be left out; fields that later versions add are passed over. */
const QUERY_RECORD = signature(
  'sql_stmt: string, schedule_: interval, subscription: ZeekAgent::SubscriptionType, event_: any',
);

type Wanted = Pick<Query, 'updateType' | 'initialRows'>;

/**
 * Differences wants changes only; SnapshotPlusDifferences the first run's rows too; Events what is added. The first run
 * over a table of events finds events, none of which count as that run's.
 */
const SUBSCRIPTIONS: ReadonlyMap<string, Wanted> = new Map([
  ['ZeekAgent::Snapshots', { updateType: 'SNAPSHOT', initialRows: true }],
  ['ZeekAgent::Differences', { updateType: 'BOTH', initialRows: false }],
  ['ZeekAgent::SnapshotPlusDifferences', { updateType: 'BOTH', initialRows: true }],
  ['ZeekAgent::Events', { updateType: 'ADDED', initialRows: false }],
]);

function readInstall(args: Arguments, { host }: RequestSource, prefix: string): Request {
  const zeekInstance = args.string(0);
  const queryId = args.string(1);
  if (zeekInstance === '') return args.refuse(0, "the Zeek instance's name");
  if (queryId === '') return args.refuse(1, "the query's id");
  const record = args.vector(2);
  const fields = args.record(2, record, QUERY_RECORD);
  const [, schedule, subscription, event, cookie, requires, ifMissing] = record.values;
  const query: Query = {
    vocabulary,
    event: readEvent(event) ?? fields.refuse(3, 'a Zeek event'),
    sql: fields.sql(0),
    cookie:
      cookie === undefined || cookie.type === 'none'
        ? ''
        : textOf(cookie, () => refuseField(args, 'cookie', 'a string')),
    responseTopic: `${prefix}/response/${zeekInstance}/${host.id}`,
    queryId,
    zeekInstance,
    ...(readSubscription(subscription) ?? fields.refuse(2, 'a ZeekAgent::SubscriptionType')),
  };
  const tables = {
    requiresTables: readTables(requires) ?? refuseField(args, 'requires_tables', 'a set of strings'),
    ifMissingTables: readTables(ifMissing) ?? refuseField(args, 'if_missing_tables', 'a set of strings'),
  };
  const interval = readSchedule(schedule) ?? fields.refuse(1, `an interval of up to ${LONGEST_INTERVAL} s`);
  return interval === 'once'
    ? { type: 'execute', query, ...tables }
    : { type: 'subscribe', query: { ...query, interval }, ...tables };
}

function refuseField(args: Arguments, field: string, expected: string): never {
  return args.refuse(2, `a record whose ${field} is ${expected}`);
}

/** An event in an `any` comes as a vector that begins with its name. */
function readEvent(value: Data | undefined): string | undefined {
  const name = value?.type === 'vector' ? value.values[0] : value;
  return name?.type === 'string' && isEventName(name.value) ? name.value : undefined;
}

function readSubscription(value: Data | undefined): Wanted | undefined {
  if (value?.type === 'none') return SUBSCRIPTIONS.get('ZeekAgent::Snapshots');
  return value?.type === 'enum' ? SUBSCRIPTIONS.get(value.name) : undefined;
}

/** Seconds between runs; an interval that is unset or zero means: run once. */
function readSchedule(value: Data | undefined): number | 'once' | undefined {
  if (value?.type === 'none') return 'once';
  if (value?.type !== 'timespan' || value.nanoseconds < 0n) return undefined;
  return value.nanoseconds === 0n ? 'once' : clampInterval(Number(value.nanoseconds) / 1e9);
}

function readTables(value: Data | undefined): readonly string[] | undefined {
  if (value === undefined || value.type === 'none') return [];
  if (value.type !== 'set' && value.type !== 'vector') return undefined;
  const names: string[] = [];
  for (const name of value.values) {
    if (name.type !== 'string') return undefined;
    names.push(name.value);
  }
  return names;
}

function textOf(value: Data, otherwise: () => never): string {
  return value.type === 'string' ? value.value : otherwise();
}
