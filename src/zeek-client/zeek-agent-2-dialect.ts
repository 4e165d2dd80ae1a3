import { count, type Data, enumValue, none, set, string, timespan, vector } from '../broker/data.ts';
import type { TopicEvent, ZeekEvent } from '../broker/zeek-event.ts';
import type { ZeekDialect } from './dialect.ts';
import { addressesAt, enumAt, rowMetadata, shape, textAt, timeAt, valuesAt } from './fields.ts';
import type { BroQuery, HostMessage, ReceivedRow, Target } from './model.ts';

const HELLO = 'ZeekAgentAPI::agent_hello_v1';
/** What the hello gives as Zeek's and the package's version: those whose words these are. */
const ZEEK_VERSION = { text: '8.2.0', number: 80_200 };
const PACKAGE_VERSION = '2.4.0';
/** Fields of the hello's record in the scripts before 2.4, which had one more. */
const EARLIER_HELLO_FIELDS = 13;

/** The side of V5 of a Zeek with its package; the Zeek instance is called by its endpoint id. */
export function zeekAgent2Dialect(prefix: string, instance: string): ZeekDialect {
  const install = (query: BroQuery): ZeekEvent => ({
    name: 'ZeekAgentAPI::install_query_v1',
    args: [
      string(instance),
      string(query.id),
      vector([
        string(query.sql),
        query.interval === undefined ? none : timespan(BigInt(query.interval) * 1_000_000_000n),
        enumValue(`ZeekAgent::${subscriptionOf(query) ?? 'Snapshots'}`),
        vector([string(query.event)]),
        query.cookie === '' ? none : string(query.cookie),
        set([]),
        set([]),
      ]),
    ],
  });
  return {
    id: 'zeek-agent-2',
    filter: [`${prefix}/response/all/`, `${prefix}/response/${instance}/`],
    responseTopic: '',
    topicOf: (target) => topicOf(prefix, target),
    unsupported: (query) =>
      subscriptionOf(query) === undefined
        ? `does not support ${query.updateType} rows${query.initialRows ? '' : " without the first run's"}`
        : undefined,
    subscribe: install,
    unsubscribe: (query) => ({
      name: 'ZeekAgentAPI::cancel_query_v1',
      args: [string(instance), string(query.id)],
    }),
    execute: install,
    membership: undefined,
    greeting: () => ({
      name: 'ZeekAgentAPI::zeek_hello_v1',
      args: [
        string(instance),
        vector([string(ZEEK_VERSION.text), count(ZEEK_VERSION.number), string(PACKAGE_VERSION)]),
      ],
    }),
    farewell: () => ({ name: 'ZeekAgentAPI::zeek_shutdown_v1', args: [string(instance)] }),
    decode: (message, asked) => decode(message, asked),
  };
}

function topicOf(prefix: string, target: Target): string {
  switch (target.to) {
    case 'all':
      return `${prefix}/query/group/all`;
    case 'host':
      return `${prefix}/query/host/${target.host}`;
    case 'group':
      return `${prefix}/query/group/${target.group.toLowerCase()}`;
    default:
      return target satisfies never;
  }
}

function subscriptionOf({ updateType, initialRows }: BroQuery): string | undefined {
  switch (updateType) {
    case 'SNAPSHOT':
      return 'Snapshots';
    case 'BOTH':
      return initialRows ? 'SnapshotPlusDifferences' : 'Differences';
    case 'ADDED':
      // Of events all rows come; of other tables' first runs none, which nothing here can change.
      return 'Events';
    case 'REMOVED':
      return undefined;
    default:
      return updateType satisfies never;
  }
}

function decode({ event }: TopicEvent, asked: readonly BroQuery[]): HostMessage | undefined {
  const context = valuesAt(event.args, 0) ?? [];
  const host = textAt(context, 0);
  const row = asked.some((query) => query.event === event.name);
  // Hosts that don't know whom they speak to say hello in both forms; a Zeek passes over the one that isn't its own.
  if (event.name === HELLO && valuesAt(event.args, 1)?.length === EARLIER_HELLO_FIELDS) return undefined;
  if (!row && !event.name.startsWith('ZeekAgentAPI::')) return undefined;
  const message =
    host === undefined
      ? undefined
      : row
        ? decodeRow(host, context, event, asked)
        : hearAgent(host, context, event);
  return (
    message ?? { type: 'malformed', problem: `unknown or malformed event of zeek-agent-2: ${shape(event)}` }
  );
}

function hearAgent(
  host: string,
  context: readonly Data[],
  { name, args }: ZeekEvent,
): HostMessage | undefined {
  switch (name) {
    case HELLO: {
      const info = valuesAt(args, 1);
      if (!info || textAt(info, 0) !== host) return undefined;
      const version = info[9]?.type === 'count' ? versionText(info[9].value) : undefined;
      return {
        type: 'announced',
        host: {
          id: host,
          groups: undefined,
          addresses: addressesAt(info, 3),
          hostname: textAt(info, 2),
          version,
          peerName: undefined,
          helloId: textAt(context, 2),
        },
      };
    }
    case 'ZeekAgentAPI::agent_error_v1': {
      const text = textAt(args, 1);
      return text === undefined ? undefined : { type: 'notice', host, level: 'error', text };
    }
    case 'ZeekAgentAPI::agent_shutdown_v1':
      return { type: 'farewell', host };
    default:
      return undefined;
  }
}

/** 20401 as `2.4.1`. */
function versionText(number: bigint): string {
  return [number / 10_000n, (number / 100n) % 100n, number % 100n].join('.');
}

/** `<ev>(ctx: record[agent_id, host_time, query_id?, change?, cookie?], record of the columns)` */
function decodeRow(
  host: string,
  context: readonly Data[],
  event: ZeekEvent,
  asked: readonly BroQuery[],
): HostMessage | undefined {
  const values = valuesAt(event.args, 1);
  const hostTime = timeAt(context, 1);
  if (!values || hostTime === undefined) return undefined;
  const query = asked.find(({ id }) => id === textAt(context, 2));
  const { sequence } = rowMetadata(event);
  const cookie = textAt(context, 4) ?? '';
  const row = { host, event: event.name, cookie, values, hostTime, sequence, query };
  return { type: 'row', row: { ...row, ...changeOf(enumAt(context, 3), query) } };
}

/** Without `change` a row is of a whole table: that of a snapshot, or of a differential query's first run. */
function changeOf(
  change: string | undefined,
  query: BroQuery | undefined,
): Pick<ReceivedRow, 'change' | 'initial'> {
  if (change === 'Delete') return { change: 'REMOVED', initial: false };
  if (change === 'Add') return { change: 'ADDED', initial: false };
  return query?.updateType === 'BOTH' && query.interval !== undefined
    ? { change: 'ADDED', initial: true }
    : { change: 'SNAPSHOT', initial: false };
}
