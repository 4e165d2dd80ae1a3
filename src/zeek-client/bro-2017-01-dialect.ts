import { boolean, string } from '../broker/data.ts';
import type { TopicEvent, ZeekEvent } from '../broker/zeek-event.ts';
import type { RowChange } from '../vocabulary/model.ts';
import type { ZeekDialect } from './dialect.ts';
import { addressesAt, rowMetadata, shape, textAt, textsAt } from './fields.ts';
import type { BroQuery, HostMessage, Target } from './model.ts';

/** Seconds between runs of a subscription: the vocabulary can't express another interval. */
export const V1_INTERVAL = 10;

/** The topics of V1 and V2. */
export function earlyTopic(prefix: string, target: Target): string {
  switch (target.to) {
    case 'all':
      return `${prefix}/all`;
    case 'host':
      return `${prefix}/uid/${target.host}`;
    case 'group':
      return `${prefix}/group/${target.group}`;
    default:
      return target satisfies never;
  }
}

/** The Bro's side of V1. Hosts answer on the topic of the request, so its Bros listen there too. */
export function bro201701Dialect(prefix: string): ZeekDialect {
  const differential = (query: BroQuery) => [
    string(query.event),
    string(query.sql),
    string(query.updateType),
    boolean(query.initialRows),
  ];
  return {
    id: 'bro-2017-01',
    filter: [`${prefix}/announces`, `${prefix}/all`, `${prefix}/uid/`, `${prefix}/group/`],
    responseTopic: '',
    topicOf: (target) => earlyTopic(prefix, target),
    unsupported: ({ interval, cookie }) =>
      interval !== undefined && interval !== V1_INTERVAL
        ? `does not support intervals: its hosts run subscriptions every ${V1_INTERVAL} s`
        : cookie === ''
          ? undefined
          : 'does not support cookies',
    subscribe: (query) => ({ name: 'osquery::host_subscribe', args: differential(query) }),
    unsubscribe: (query) => ({ name: 'osquery::host_unsubscribe', args: differential(query) }),
    execute: ({ event, sql, updateType }) => ({
      name: 'osquery::host_query',
      args: [string(event), string(sql), string(updateType)],
    }),
    membership: undefined,
    greeting: () => undefined,
    farewell: () => undefined,
    decode: ({ event }, asked) => decodeRow(event, asked) ?? decodeEarly(event),
  };
}

const CHANGES: ReadonlyMap<string, RowChange> = new Map([
  ['ADDED', 'ADDED'],
  ['REMOVED', 'REMOVED'],
  ['SNAPSHOT', 'SNAPSHOT'],
]);

/** `<ev>(uid: string, trigger: string, columns …)` */
function decodeRow(event: ZeekEvent, asked: readonly BroQuery[]): HostMessage | undefined {
  const query = asked.find((each) => each.event === event.name);
  if (!query) return undefined;
  const host = textAt(event.args, 0);
  const change = CHANGES.get(textAt(event.args, 1) ?? '');
  if (host === undefined || change === undefined) {
    return {
      type: 'malformed',
      problem: `expected a row with the host and ADDED, REMOVED or SNAPSHOT, got ${shape(event)}`,
    };
  }
  const values = event.args.slice(2);
  const row = { host, event: event.name, change, initial: false, cookie: '', values, query };
  return { type: 'row', row: { ...row, ...rowMetadata(event) } };
}

/** Log lines, warnings and errors, in V3 too where our own package is not there. */
export const EARLY_NOTICES = {
  'osquery::host_log': 'log',
  'osquery::host_warning': 'warning',
  'osquery::host_error': 'error',
} as const;

/** What hosts of V1 and V2 say beside rows. */
export function decodeEarly(event: TopicEvent['event']): HostMessage | undefined {
  if (event.name === 'osquery::host_new') {
    const id = textAt(event.args, 0);
    const groups = textsAt(event.args, 1);
    const addresses = addressesAt(event.args, 2);
    if (id === undefined || !groups || !addresses) {
      return {
        type: 'malformed',
        problem: `expected osquery::host_new(uid, groups, addrs), got ${shape(event)}`,
      };
    }
    const unsaid = { hostname: undefined, version: undefined, peerName: undefined, helloId: undefined };
    return { type: 'announced', host: { id, groups, addresses, ...unsaid } };
  }
  return decodeNotice(event, EARLY_NOTICES);
}

/** `<name>(host, text)` of the given names. */
export function decodeNotice(
  event: ZeekEvent,
  levels: Readonly<Record<string, 'log' | 'warning' | 'error'>>,
): HostMessage | undefined {
  const level = Object.hasOwn(levels, event.name) ? levels[event.name] : undefined;
  if (level === undefined) return undefined;
  const host = textAt(event.args, 0);
  const text = textAt(event.args, 1);
  return host === undefined || text === undefined
    ? { type: 'malformed', problem: `expected ${event.name}(host, text), got ${shape(event)}` }
    : { type: 'notice', host, level, text };
}
