import { string, vector } from '../broker/data.ts';
import { ipAddresses } from '../broker/ip-address.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import { audienceOf, type HostTopics, listeningTopics } from './host-topics.ts';
import type { Column, Host, Query } from './model.ts';
import { noticeEvent } from './notice-event.ts';
import { columnsRequest } from './query-columns.ts';
import { type RequestDefinition, readRequest, signature, signaturesOf } from './request-reader.ts';
import { rowEncoder } from './row-encoder.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Seconds between runs: this vocabulary has no word for it. */
const INTERVAL = 10;

const REQUESTS: ReadonlyMap<string, RequestDefinition> = new Map<string, RequestDefinition>([
  [
    'osquery::host_subscribe',
    {
      signature: signature('ev: string, query: string, utype: string, init_dump: bool'),
      build: (args, { topic }) => ({
        type: 'subscribe',
        query: {
          ...queryOf(args.eventName(0), args.sql(1), topic),
          updateType: args.updateType(2),
          initialRows: args.boolean(3),
          interval: INTERVAL,
        },
        requiresTables: [],
        ifMissingTables: [],
      }),
    },
  ],
  [
    'osquery::host_unsubscribe',
    {
      signature: signature('ev: string, query: string, utype: string, init_dump: bool'),
      build: (args) => {
        args.string(0);
        args.updateType(2);
        args.boolean(3);
        return { type: 'unsubscribe', vocabulary: 'bro-2017-01', match: { by: 'sql', sql: args.sql(1) } };
      },
    },
  ],
  [
    'osquery::host_query',
    {
      signature: signature('ev: string, query: string, utype: string'),
      build: (args, { topic }) => ({
        type: 'execute',
        query: {
          ...queryOf(args.eventName(0), args.sql(1), topic),
          updateType: args.updateType(2),
          initialRows: true,
        },
        requiresTables: [],
        ifMissingTables: [],
      }),
    },
  ],
  columnsRequest('bro-2017-01'),
]);

function queryOf(event: string, sql: string, topic: string): Omit<Query, 'updateType' | 'initialRows'> {
  return {
    vocabulary: 'bro-2017-01',
    event,
    sql,
    cookie: '',
    responseTopic: topic,
    queryId: '',
    zeekInstance: '',
  };
}

/** V1, the bro-osquery branch of January 2017. Default prefix `/bro/osquery`. */
export function bro201701(prefix: string): Vocabulary {
  const topics: HostTopics = { all: `${prefix}/all`, host: `${prefix}/uid`, group: `${prefix}/group` };
  const announceTopic = `${prefix}/announces`;
  return {
    id: 'bro-2017-01',
    helloInterval: undefined,
    requests: signaturesOf(REQUESTS),
    filter: (host) => listeningTopics(topics, host),
    announceTopics: () => [announceTopic],
    announcement: (host) => [{ topic: announceTopic, event: hostNew(host) }],
    decode(topic, event, host) {
      const definition = REQUESTS.get(event.name);
      const audience = definition && audienceOf(topics, topic, host);
      return audience && readRequest('bro-2017-01', definition, event, { topic, host }, audience);
    },
    rowEncoder(query, columns, host, options) {
      const uid = string(host.id);
      return rowEncoder({
        topic: query.responseTopic,
        event: query.event,
        columns: inOrderOfNames(columns),
        columnsAre: 'arguments',
        nullPolicy: options?.nullPolicy ?? 'zero',
        reals: options?.reals ?? 'any',
        head: ({ change }) => [uid, string(change)],
      });
    },
    notice: (notice, host) => ({ topic: announceTopic, event: noticeEvent('osquery::', notice, host) }),
    farewell: () => [],
  };
}

/**
 * `osquery::host_new(uid, groups, addrs)`, as V1 and V2 both have it. Groups without their ancestors: scripts of that
 * time take a host's group for a prefix of a subscription's, so `geo` would draw what is meant for `geo/fr`.
 */
export function hostNew(host: Host): ZeekEvent {
  const args = [string(host.id), vector(host.groups.map(string)), vector(ipAddresses(host.addresses))];
  return { name: 'osquery::host_new', args };
}

/** By name, each once: the rows of this vocabulary were maps. */
function inOrderOfNames(columns: readonly Column[]): readonly Column[] {
  const byName = new Map(columns.map((column) => [column.name, column]));
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
