import { count, type Data, string } from '../broker/data.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import type { RowChange, VocabularyId } from '../vocabulary/words.ts';
import { EARLY_NOTICES, earlyTopic, hearEarly, hearNotice } from './bro-2017-01-speech.ts';
import { enumAt, rowMetadata, shape, textAt, textsAt, valuesAt } from './fields.ts';
import { hearPackage } from './package-speech.ts';
import type { BroSpeech } from './speech.ts';
import type { AnnouncedHost, BroQuery, Heard, Target } from './words.ts';

/** What sets V2, V3 and V4 apart for a Bro. */
interface Dialect {
  readonly id: VocabularyId;
  /** Module of the requests, with `::`. */
  readonly module: string;
  readonly announceTopic: string;
  /** Where this Bro wants its rows. */
  readonly responseTopic: string;
  readonly topicOf: (target: Target) => string;
  readonly hearOther: (event: ZeekEvent) => Heard | undefined;
}

/** Where a Bro of V2 to V4 wants its rows: a topic of its own. */
function responseTopic(prefix: string, endpointId: string): string {
  return `${prefix}/bro/${endpointId}`;
}

export function bro201702Speech(prefix: string, endpointId: string): BroSpeech {
  return familySpeech({
    id: 'bro-2017-02',
    module: 'osquery::',
    announceTopic: `${prefix}/announce`,
    responseTopic: responseTopic(prefix, endpointId),
    topicOf: (target) => earlyTopic(prefix, target),
    hearOther: hearEarly,
  });
}

/** V3, with the words that our own Zeek package adds. */
export function zeekOsquerySpeech(prefix: string, endpointId: string): BroSpeech {
  return familySpeech({
    id: 'zeek-osquery',
    module: 'osquery::hosts::',
    announceTopic: `${prefix}/host_announce`,
    responseTopic: responseTopic(prefix, endpointId),
    topicOf: (target) => laterTopic(prefix, target),
    hearOther: (event) => {
      if (event.name !== 'osquery::hosts::host_new') {
        return hearPackage(event) ?? hearNotice(event, EARLY_NOTICES);
      }
      const [peerName, id, groups] = [textAt(event.args, 0), textAt(event.args, 1), textsAt(event.args, 2)];
      return announced(event, id, groups, { peerName });
    },
  });
}

export function zeekAgent1Speech(prefix: string, endpointId: string): BroSpeech {
  return familySpeech({
    id: 'zeek-agent-1',
    module: 'ZeekAgent::',
    announceTopic: `${prefix}/host_announce`,
    responseTopic: responseTopic(prefix, endpointId),
    topicOf: (target) => laterTopic(prefix, target),
    hearOther: (event) => {
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
): Heard {
  if (id === undefined || !groups) {
    return { type: 'strange', problem: `an announcement has a host's id and groups, not ${shape(event)}` };
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

function familySpeech(dialect: Dialect): BroSpeech {
  const { id, module } = dialect;
  const queryArgs = (query: BroQuery): Data[] => [
    string(query.event),
    string(query.sql),
    string(query.cookie),
    string(dialect.responseTopic),
    string(query.updateType),
  ];
  return {
    id,
    filter: [dialect.announceTopic, dialect.responseTopic],
    responseTopic: dialect.responseTopic,
    topicOf: dialect.topicOf,
    objectionTo: ({ initialRows }) =>
      initialRows ? undefined : "has no word for leaving out the first run's rows",
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
    hear: ({ event }, asked) =>
      asked.some((query) => query.event === event.name) ? hearRow(event, asked) : dialect.hearOther(event),
  };
}

const CHANGES: ReadonlyMap<string, { readonly change: RowChange; readonly initial: boolean }> = new Map([
  ['ADD', { change: 'ADDED', initial: false }],
  ['REMOVE', { change: 'REMOVED', initial: false }],
  ['SNAPSHOT', { change: 'SNAPSHOT', initial: false }],
  ['INITIAL', { change: 'ADDED', initial: true }],
]);

/** `<ev>(info: record[host, utype, cookie], columns …)` */
function hearRow(event: ZeekEvent, asked: readonly BroQuery[]): Heard {
  const info = valuesAt(event.args, 0) ?? [];
  const [host, cookie] = [textAt(info, 0), textAt(info, 2)];
  const change = CHANGES.get(enumAt(info, 1) ?? '');
  if (host === undefined || cookie === undefined || change === undefined) {
    const expected = 'a row begins with a record of host, update type and cookie';
    return { type: 'strange', problem: `${expected}, not as ${shape(event)}` };
  }
  const query = asked.find((each) => each.event === event.name && each.cookie === cookie);
  const values = event.args.slice(1);
  return {
    type: 'row',
    row: { host, event: event.name, ...change, cookie, values, query, ...rowMetadata(event) },
  };
}
