import { count, type Data, string } from '../broker/data.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import type { RowChange, VocabularyId } from '../vocabulary/model.ts';
import { decodeEarly, decodeNotice, EARLY_NOTICES, earlyTopic } from './bro-2017-01-dialect.ts';
import type { ZeekDialect } from './dialect.ts';
import { enumAt, rowMetadata, shape, textAt, textsAt, valuesAt } from './fields.ts';
import type { AnnouncedHost, BroQuery, HostMessage, Target } from './model.ts';
import { decodePackageEvent } from './package-dialect.ts';

/** What sets V2, V3 and V4 apart for a Bro. */
interface FamilyTraits {
  readonly id: VocabularyId;
  /** Module of the requests, with `::`. */
  readonly module: string;
  readonly announceTopic: string;
  /** Where this Bro wants its rows. */
  readonly responseTopic: string;
  readonly topicOf: (target: Target) => string;
  readonly decodeOther: (event: ZeekEvent) => HostMessage | undefined;
}

/** Where a Bro of V2 to V4 wants its rows: a topic of its own. */
function responseTopic(prefix: string, endpointId: string): string {
  return `${prefix}/bro/${endpointId}`;
}

export function bro201702Dialect(prefix: string, endpointId: string): ZeekDialect {
  return familyDialect({
    id: 'bro-2017-02',
    module: 'osquery::',
    announceTopic: `${prefix}/announce`,
    responseTopic: responseTopic(prefix, endpointId),
    topicOf: (target) => earlyTopic(prefix, target),
    decodeOther: decodeEarly,
  });
}

/** V3, with the events that our own Zeek package adds. */
export function zeekOsqueryDialect(prefix: string, endpointId: string): ZeekDialect {
  return familyDialect({
    id: 'zeek-osquery',
    module: 'osquery::hosts::',
    announceTopic: `${prefix}/host_announce`,
    responseTopic: responseTopic(prefix, endpointId),
    topicOf: (target) => laterTopic(prefix, target),
    decodeOther: (event) => {
      if (event.name !== 'osquery::hosts::host_new') {
        return decodePackageEvent(event) ?? decodeNotice(event, EARLY_NOTICES);
      }
      const [peerName, id, groups] = [textAt(event.args, 0), textAt(event.args, 1), textsAt(event.args, 2)];
      return announced(event, id, groups, { peerName });
    },
  });
}

export function zeekAgent1Dialect(prefix: string, endpointId: string): ZeekDialect {
  return familyDialect({
    id: 'zeek-agent-1',
    module: 'ZeekAgent::',
    announceTopic: `${prefix}/host_announce`,
    responseTopic: responseTopic(prefix, endpointId),
    topicOf: (target) => laterTopic(prefix, target),
    decodeOther: (event) => {
      if (event.name !== 'ZeekAgent::host_new') return undefined;
      const [peerName, hostname, version] = [0, 1, 4].map((index) => textAt(event.args, index));
      return announced(event, textAt(event.args, 2), textsAt(event.args, 3), { peerName, hostname, version });
    },
  });
}

function laterTopic(prefix: string, target: Target): string {
  switch (target.to) {
    case 'all':
      return `${prefix}/hosts`;
    case 'host':
      return `${prefix}/host/${target.host}`;
    case 'group':
      return `${prefix}/group/${target.group}`;
    default:
      return target satisfies never;
  }
}

function announced(
  event: ZeekEvent,
  id: string | undefined,
  groups: readonly string[] | undefined,
  said: {
    readonly peerName: string | undefined;
    readonly hostname?: string | undefined;
    readonly version?: string | undefined;
  },
): HostMessage {
  if (id === undefined || !groups) {
    return {
      type: 'malformed',
      problem: `expected an announcement with a host's id and groups, got ${shape(event)}`,
    };
  }
  const host: AnnouncedHost = {
    id,
    groups,
    addresses: undefined,
    helloId: undefined,
    hostname: undefined,
    version: undefined,
    ...said,
  };
  return { type: 'announced', host };
}

function familyDialect(traits: FamilyTraits): ZeekDialect {
  const { id, module } = traits;
  const queryArgs = (query: BroQuery): Data[] => [
    string(query.event),
    string(query.sql),
    string(query.cookie),
    string(traits.responseTopic),
    string(query.updateType),
  ];
  return {
    id,
    filter: [traits.announceTopic, traits.responseTopic],
    responseTopic: traits.responseTopic,
    topicOf: traits.topicOf,
    unsupported: ({ initialRows }) => (initialRows ? undefined : "can't leave out the first run's rows"),
    subscribe: (query) => ({
      name: `${module}host_subscribe`,
      args: [...queryArgs(query), count(query.interval)],
    }),
    unsubscribe: (query) => ({
      name: `${module}host_unsubscribe`,
      args: [...queryArgs(query), count(query.interval)],
    }),
    execute: (query) => ({ name: `${module}host_execute`, args: queryArgs(query) }),
    membership: {
      join: (group) => ({ name: `${module}host_join`, args: [string(group)] }),
      leave: (group) => ({ name: `${module}host_leave`, args: [string(group)] }),
    },
    greeting: () => undefined,
    farewell: () => undefined,
    decode: ({ event }, asked) =>
      asked.some((query) => query.event === event.name) ? decodeRow(event, asked) : traits.decodeOther(event),
  };
}

const CHANGES: ReadonlyMap<string, { readonly change: RowChange; readonly initial: boolean }> = new Map([
  ['ADD', { change: 'ADDED', initial: false }],
  ['REMOVE', { change: 'REMOVED', initial: false }],
  ['SNAPSHOT', { change: 'SNAPSHOT', initial: false }],
  ['INITIAL', { change: 'ADDED', initial: true }],
]);

/** `<ev>(info: record[host, utype, cookie], columns …)` */
function decodeRow(event: ZeekEvent, asked: readonly BroQuery[]): HostMessage {
  const info = valuesAt(event.args, 0) ?? [];
  const [host, cookie] = [textAt(info, 0), textAt(info, 2)];
  const change = CHANGES.get(enumAt(info, 1) ?? '');
  if (host === undefined || cookie === undefined || change === undefined) {
    const expected = 'expected a row with a record of host, update type and cookie';
    return { type: 'malformed', problem: `${expected}, got ${shape(event)}` };
  }
  const query = asked.find((each) => each.event === event.name && each.cookie === cookie);
  const values = event.args.slice(1);
  return {
    type: 'row',
    row: { host, event: event.name, ...change, cookie, values, query, ...rowMetadata(event) },
  };
}
