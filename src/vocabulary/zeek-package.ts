import { count, set, string, table, vector } from '../broker/data.ts';
import { ipAddresses } from '../broker/ip-address.ts';
import type { TopicEvent, ZeekEvent } from '../broker/zeek-event.ts';
import { gapReason } from './gap-text.ts';
import type { Gap, Host, QueryDigest, RepeatedQuery, SentRows } from './model.ts';
import { type RequestDefinition, signature } from './request-reader.ts';
import { familyQuery } from './zeek-osquery-family.ts';

/**
 * What our own Zeek package (zeek/ in this repository) and the host say beyond zeek-osquery's words. The package
 * declares itself first and again every minute; only to a Bro that did so goes any event of this file, so that a Zeek
 * with the scripts of 2018 never meets one that it doesn't know.
 */

const MODULE = 'osquery::hosts::';
/** More queries than this in one list are not for one host. */
const MAX_DESIRED_QUERIES = 10_000;

/** The requests that the package adds to V3, by event name. */
export const PACKAGE_REQUESTS: ReadonlyMap<string, RequestDefinition> = new Map<string, RequestDefinition>([
  [
    `${MODULE}host_declare`,
    {
      signature: signature('zeek_instance: string, package_version: string, size: count, hash: string'),
      build: (args) => ({
        type: 'declare',
        vocabulary: 'zeek-osquery',
        zeekInstance: args.string(0),
        packageVersion: args.string(1),
        desired: { size: Number(args.count(2)), hash: args.string(3) },
      }),
    },
  ],
  [
    `${MODULE}host_desired_queries`,
    {
      signature: signature('zeek_instance: string, queries: vector of osquery::hosts::DesiredQuery'),
      build: (args, { topic }) => {
        const { values } = args.vector(1);
        if (values.length > MAX_DESIRED_QUERIES)
          args.refuse(1, `a vector of at most ${MAX_DESIRED_QUERIES} queries`);
        const queries = values.map((value): RepeatedQuery => {
          if (value.type !== 'vector') return args.refuse(1, 'a vector of records');
          const fields = args.record(1, value, DESIRED_QUERY);
          const responseTopic = fields.string(3);
          const query = familyQuery('zeek-osquery', {
            event: fields.eventName(0),
            sql: fields.sql(1),
            cookie: fields.string(2),
            responseTopic: responseTopic === '' ? topic : responseTopic,
            updateType: fields.updateType(4),
          });
          return { ...query, interval: fields.interval(5) };
        });
        return { type: 'desiredQueries', vocabulary: 'zeek-osquery', zeekInstance: args.string(0), queries };
      },
    },
  ],
  [
    `${MODULE}host_acknowledge`,
    {
      signature: signature('sequence: count'),
      build: (args) => ({
        type: 'acknowledge',
        vocabulary: 'zeek-osquery',
        sequence: Number(args.count(0)),
      }),
    },
  ],
  [
    `${MODULE}host_acknowledge_v2`,
    {
      signature: signature('instance_id: string, sequence: count'),
      build: (args) => ({
        type: 'acknowledge',
        vocabulary: 'zeek-osquery',
        instanceId: args.string(0),
        sequence: Number(args.count(1)),
      }),
    },
  ],
  [
    `${MODULE}host_resend_v1`,
    {
      signature: signature('instance_id: string, run: count'),
      build: (args) => ({
        type: 'resend',
        vocabulary: 'zeek-osquery',
        instanceId: args.string(0),
        run: Number(args.count(1)),
      }),
    },
  ],
]);

/** The version of the package in this repository. */
export const PACKAGE_VERSION = '1.2.0';

/** Since version 1.1.0 the package knows hosts by their instance, too: two with one id are not taken for one. */
export function knowsInstances(packageVersion: string): boolean {
  return isAtLeast(packageVersion, 1);
}

/** Since version 1.2.0 it acknowledges rows that it has counted, and asks for those again that are missing. */
export function countsRows(packageVersion: string): boolean {
  return isAtLeast(packageVersion, 2);
}

function isAtLeast(packageVersion: string, leastMinor: number): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(packageVersion) ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= leastMinor);
}

/** The cookie of the query that an event in V3's form is a row of; undefined for other events. */
export function cookieOfRow({ args }: ZeekEvent): string | undefined {
  const [info] = args;
  const cookie = info?.type === 'vector' ? info.values[2] : undefined;
  return cookie?.type === 'string' ? cookie.value : undefined;
}

const DESIRED_QUERY = signature(
  'ev: string, query: string, cookie: string, resT: string, utype: string, inter: count',
);

/** What the host says to a Bro with the package. `prefix` as V3 has it. */
export interface PackageEvents {
  /** Who the host is; after a Bro's first declaration, and when an address or a group has come or gone. */
  details(host: Host): TopicEvent;
  /**
   * Answers each declaration: which of this Bro's queries the host holds. A Bro that desires others sends the whole list.
   */
  queriesHeld(host: Host, zeekInstance: string, held: QueryDigest): TopicEvent;
  /**
   * Asks to acknowledge that all rows up to and with this number have been handled; the events before it come first.
   */
  rowsSent(host: Host, sequence: number): TopicEvent;
  /** The same, to a package that {@link knowsInstances}: another host with the same id must not be confirmed by it. */
  rowsSentV2(host: Host, sequence: number): TopicEvent;
  /** The same, to a package that {@link countsRows}. */
  rowsSentV3(host: Host, sent: SentRows): TopicEvent;
  /** Begins a run after the first of a connection, to such a package. */
  rowsBegin(host: Host, run: number): TopicEvent;
  /** Beside each answer to a declaration: two instances that live with one id are two hosts. */
  instance(host: Host): TopicEvent;
  /** Rows that this Bro will never get. */
  gap(host: Host, gap: Gap): TopicEvent;
  /** The host shuts down cleanly. */
  farewell(host: Host): TopicEvent;
}

export function packageEvents(prefix: string): PackageEvents {
  const topic = `${prefix}/host_announce`;
  const say = (name: string, host: Host, ...args: TopicEvent['event']['args']): TopicEvent => ({
    topic,
    event: { name: `${MODULE}${name}`, args: [string(host.id), ...args] },
  });
  return {
    details: (host) =>
      say(
        'host_details_v1',
        host,
        vector([
          string(host.endpointId),
          string(host.instanceId),
          string(host.hostname),
          set(ipAddresses(host.addresses)),
          vector(host.groups.map(string)),
          string(host.platform),
          string(host.osName),
          string(host.agentVersion),
        ]),
      ),
    queriesHeld: (host, zeekInstance, held) =>
      say('host_queries_held', host, string(zeekInstance), count(held.size), string(held.hash)),
    rowsSent: (host, sequence) => say('host_rows_sent', host, count(sequence)),
    rowsSentV2: (host, sequence) => say('host_rows_sent_v2', host, string(host.instanceId), count(sequence)),
    rowsSentV3: (host, { run, upTo, rows }) =>
      say(
        'host_rows_sent_v3',
        host,
        string(host.instanceId),
        count(run),
        count(upTo),
        table([...rows].map(([cookie, sent]) => [string(cookie), count(sent)])),
      ),
    rowsBegin: (host, run) => say('host_rows_begin_v1', host, string(host.instanceId), count(run)),
    instance: (host) =>
      say(
        'host_instance',
        host,
        string(host.instanceId),
        string(host.hostname),
        set(ipAddresses(host.addresses)),
      ),
    gap: (host, gap) =>
      say('host_gap', host, count(gap.first), count(gap.last), count(gap.rows), string(gapReason(gap))),
    farewell: (host) => say('host_farewell', host),
  };
}
