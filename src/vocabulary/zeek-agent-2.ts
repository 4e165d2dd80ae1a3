import {
  type AddressData,
  count,
  type Data,
  enumValue,
  none,
  set,
  string,
  timespan,
  vector,
} from '../broker/data.ts';
import { ipAddresses } from '../broker/ip-address.ts';
import type { TopicEvent } from '../broker/zeek-event.ts';
import { withAncestors } from './groups.ts';
import type { Audience, Column, Host, Query } from './model.ts';
import { readRequest, signaturesOf } from './request-reader.ts';
import { rowEncoder } from './row-encoder.ts';
import { millisecondsToTimestamp, secondsToTimestamp } from './row-events.ts';
import type { RowCircumstances, RowShape } from './row-shape.ts';
import type { RowOptions, SessionContext, Vocabulary } from './vocabulary.ts';
import { zeekAgent2Requests } from './zeek-agent-2-requests.ts';

/** Seconds between hellos: its Zeeks forget a host after 10 minutes of silence, so well under that. */
const HELLO_INTERVAL = 60;

/** V5, zeek-agent v2, whose script package Zeek maintains today. Default prefix `/zeek-agent`. */
export function zeekAgent2(prefix: string): Vocabulary {
  const requests = zeekAgent2Requests(prefix);
  const toAll = (host: Host) => `${prefix}/response/all/${host.id}`;
  const audiences = (host: Host) => audiencesByTopic(prefix, host);
  return {
    id: 'zeek-agent-2',
    helloInterval: HELLO_INTERVAL,
    requests: signaturesOf(requests),
    filter: (host) => [...audiences(host).keys()],
    announceTopics: (host) => [toAll(host)],
    announcement: (host, session) =>
      helloForms(session).map((form) => ({ topic: toAll(host), event: hello(host, session, form) })),
    decode(topic, event, host) {
      const definition = requests.get(event.name);
      const audience = definition && audiences(host).get(topic);
      return audience && readRequest('zeek-agent-2', definition, event, { topic, host }, audience);
    },
    rowEncoder: (...of) => rowEncoder(rowShape(...of)),
    notice(notice, host, peer) {
      if (notice.level === 'log') return undefined;
      const context = contextOf(
        host,
        millisecondsToTimestamp(peer.at),
        notice.query?.queryId ?? '',
        none,
        notice.query?.cookie ?? '',
      );
      return {
        topic: notice.query ? notice.query.responseTopic : toAll(host),
        event: { name: 'ZeekAgentAPI::agent_error_v1', args: [context, string(notice.text)] },
      };
    },
    farewell: (host, session) => [
      {
        topic: toAll(host),
        event: {
          name: 'ZeekAgentAPI::agent_shutdown_v1',
          args: [contextOf(host, millisecondsToTimestamp(session.at), '', none, '')],
        },
      },
    ],
  };
}

/**
 * Whom each topic that the host listens on addresses. Group names are in lower case: that is how the Zeek side
 * writes them into topics.
 */
function audiencesByTopic(prefix: string, host: Host): ReadonlyMap<string, Audience> {
  const topics = new Map<string, Audience>([[`${prefix}/query/host/${host.id}`, { to: 'host' }]]);
  const platforms = [platformName(host), host.platform].map((name) => name.toLowerCase());
  for (const group of ['all', ...platforms, ...withAncestors(host.groups)]) {
    if (group === '') continue;
    const audience: Audience = group === 'all' ? { to: 'all' } : { to: 'group', group };
    for (const at of [group.toLowerCase(), `${host.id}/${group.toLowerCase()}`]) {
      const topic = `${prefix}/query/group/${at}`;
      if (!topics.has(topic)) topics.set(topic, audience);
    }
  }
  return topics;
}

function optionalText(text: string): Data {
  return text === '' ? none : string(text);
}

/** `record[agent_id, host_time, query_id?, change?, cookie?]` */
function contextOf(host: Host, time: Data, queryId: string, change: Data, cookie: string): Data {
  return vector([string(host.id), time, optionalText(queryId), change, optionalText(cookie)]);
}

/** Version 2.4 of the script package took `broker` out of the hello's record, and demands Zeek 8.2. */
type HelloForm = 'with-broker' | 'without-broker';

/**
 * Which hello a Zeek understands; Zeek drops one of another form. Where nothing tells, both are said, and the greeting
 * that answers tells for the next time. A version below 5 is that of Broker's own WebSocket server, gone since Zeek 8.1.
 */
export function helloForms({ zeekVersion = '', packageVersion = '' }: SessionContext): readonly HelloForm[] {
  if (versionNumber(packageVersion) > 0)
    return versionNumber(packageVersion) >= 2_04_00 ? ['without-broker'] : ['with-broker'];
  if (versionNumber(zeekVersion) > 0)
    return versionNumber(zeekVersion) >= 8_02_00 ? ['without-broker'] : ['with-broker'];
  return ['without-broker', 'with-broker'];
}

function hello(host: Host, { at, connectionId }: SessionContext, form: HelloForm): TopicEvent['event'] {
  const addresses: readonly AddressData[] = ipAddresses(host.addresses);
  const uptime = Number.isFinite(host.uptime) ? Math.min(Math.max(0, Math.trunc(host.uptime)), 2 ** 32) : 0;
  return {
    name: 'ZeekAgentAPI::agent_hello_v1',
    args: [
      contextOf(host, millisecondsToTimestamp(at), `agent_hello_${connectionId}`, none, ''),
      vector([
        string(host.id),
        string(host.instanceId),
        optionalText(host.hostname),
        set(addresses),
        optionalText(platformName(host)),
        optionalText(host.osName),
        optionalText(host.kernelName),
        optionalText(host.kernelVersion),
        optionalText(host.kernelArch),
        count(agentVersionNumber(host.agentVersion)),
        ...(form === 'with-broker' ? [none] : []),
        timespan(BigInt(uptime) * 1_000_000_000n),
        set([...new Set(host.tables)].map(string)),
      ]),
    ],
  };
}

/**
 * The platform as Zeek Agent names it, also as a group. osquery names a Linux by its distribution, which is a group as
 * well; one that neither knows is what Node calls it.
 */
export function platformName({ kernelName, platform }: Pick<Host, 'kernelName' | 'platform'>): string {
  switch (kernelName.toLowerCase()) {
    case 'linux':
      return 'Linux';
    case 'darwin':
      return 'Darwin';
    case 'win32':
    case 'windows':
      return 'Windows';
    default:
      return platform;
  }
}

/** `2.4.1` as 204010000, the way Zeek Agent numbers its versions. */
export function agentVersionNumber(version: string): number {
  return versionNumber(version) * 10_000;
}

/** `2.4.1` as 20401, to be compared. */
export function versionNumber(version: string): number {
  const [major = 0, minor = 0, patch = 0] = version
    .split(/[.+-]/)
    .slice(0, 3)
    .map((part) => (/^\d{1,5}$/.test(part) ? Number(part) : 0));
  return major * 10_000 + minor * 100 + patch;
}

/** `<event>(ctx, record of the columns in the query's order)`; without `change` for whole tables. */
function rowShape(query: Query, columns: readonly Column[], host: Host, options?: RowOptions): RowShape {
  const id = string(host.id);
  const queryId = optionalText(query.queryId);
  const cookie = optionalText(query.cookie);
  const add = enumValue('ZeekAgent::Add');
  const gone = enumValue('ZeekAgent::Delete');
  // The first run of SnapshotPlusDifferences is a whole table; that of Events (which wants ADDED alone) is events.
  const changeOf = ({ change, initial }: RowCircumstances): Data => {
    if (change === 'REMOVED') return gone;
    if (change === 'SNAPSHOT') return none;
    return initial && query.updateType === 'BOTH' ? none : add;
  };
  return {
    topic: query.responseTopic,
    event: query.event,
    columns,
    columnsAre: 'record',
    nullPolicy: options?.nullPolicy ?? 'none',
    reals: options?.reals ?? 'any',
    head: (row) => [vector([id, secondsToTimestamp(row.unixTime), queryId, changeOf(row), cookie])],
  };
}
