import { enumValue, string, vector } from '../broker/data.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import { consoleRowEncoder, isConsoleQuery } from './console-query.ts';
import { audienceOf, type HostTopics, listeningTopics } from './host-topics.ts';
import type { Column, Host, Notice, Query, UpdateType, VocabularyId } from './model.ts';
import { columnsRequest } from './query-columns.ts';
import {
  type Arguments,
  type RequestDefinition,
  readRequest,
  signature,
  signaturesOf,
} from './request-reader.ts';
import { rowEncoder } from './row-encoder.ts';
import type { RowShape } from './row-shape.ts';
import type { PeerContext, RowOptions, Vocabulary } from './vocabulary.ts';

/** What sets apart the vocabularies from V2 to V4, which else share requests, rows and how they address hosts. */
export interface Dialect {
  readonly id: VocabularyId;
  /** Module of the requests' events, with `::`. */
  readonly module: string;
  /** Another module that scripts of the same dialect had them in. */
  readonly otherModule?: string;
  /** Module of the enum in rows, with `::`. */
  readonly enumModule: string;
  readonly topics: HostTopics;
  readonly announceTopic: string;
  /** Whether the rows of a differential query's first run say so (V4's INITIAL). */
  readonly marksInitialRows: boolean;
  /** Requests of the dialect's own, beside the family's. */
  readonly ownRequests?: ReadonlyMap<string, RequestDefinition>;
  /** How the host introduces itself: an event for each module. */
  hostNew(host: Host): readonly ZeekEvent[];
  /** Undefined where the dialect has no event for log lines, warnings or errors. */
  notice(notice: Notice, host: Host, peer: PeerContext): ZeekEvent | undefined;
}

/** The vocabulary of a dialect. None of them says hello again and again, or goodbye. */
export function familyVocabulary(dialect: Dialect): Vocabulary {
  const { id, topics, announceTopic, ownRequests = [], module, otherModule = module } = dialect;
  const requests = new Map([
    ...familyRequests(dialect, otherModule),
    ...familyRequests(dialect, module),
    ...ownRequests,
    columnsRequest(id),
  ]);
  return {
    id,
    helloInterval: undefined,
    requests: signaturesOf(requests),
    filter: (host) => listeningTopics(topics, host),
    announceTopics: () => [announceTopic],
    announcement: (host) => dialect.hostNew(host).map((event) => ({ topic: announceTopic, event })),
    decode(topic, event, host) {
      const definition = requests.get(event.name);
      const audience = definition && audienceOf(topics, topic, host);
      return audience && readRequest(id, definition, event, { topic, host }, audience);
    },
    rowEncoder: (query, columns, host, options) =>
      isConsoleQuery(query)
        ? consoleRowEncoder(query, columns, host)
        : rowEncoder(rowShape(dialect, query, columns, host, options)),
    notice(notice, host, peer) {
      const event = dialect.notice(notice, host, peer);
      return event && { topic: announceTopic, event };
    },
    farewell: () => [],
  };
}

const QUERY = 'ev: string, query: string, cookie: string, resT: string, utype: string';

/** The requests of V2 to V4 by event name. */
function familyRequests(dialect: Dialect, module: string): ReadonlyMap<string, RequestDefinition> {
  const vocabulary = dialect.id;
  return new Map<string, RequestDefinition>([
    [
      `${module}host_subscribe`,
      {
        signature: signature(`${QUERY}, inter: count`),
        build: (args, { topic }) => ({
          type: 'subscribe',
          query: { ...readQuery(args, dialect, topic), interval: args.interval(5) },
          requiresTables: [],
          ifMissingTables: [],
        }),
      },
    ],
    [
      `${module}host_unsubscribe`,
      {
        signature: signature(`${QUERY}, inter: count`),
        build: (args) => ({
          type: 'unsubscribe',
          vocabulary,
          match: {
            by: 'identity',
            event: args.eventName(0),
            sql: args.sql(1),
            cookie: args.string(2),
            updateType: readUpdateType(args, dialect),
            interval: args.interval(5),
          },
        }),
      },
    ],
    [
      `${module}host_execute`,
      {
        signature: signature(QUERY),
        build: (args, { topic }) => ({
          type: 'execute',
          query: readQuery(args, dialect, topic),
          requiresTables: [],
          ifMissingTables: [],
        }),
      },
    ],
    [
      `${module}host_join`,
      {
        signature: signature('group: string'),
        build: (args) => ({ type: 'join', vocabulary, group: args.group(0) }),
      },
    ],
    [
      `${module}host_leave`,
      {
        signature: signature('group: string'),
        build: (args) => ({ type: 'leave', vocabulary, group: args.group(0) }),
      },
    ],
  ]);
}

function readQuery(args: Arguments, dialect: Dialect, topic: string): Query {
  const responseTopic = args.string(3);
  return familyQuery(dialect.id, {
    event: args.eventName(0),
    sql: args.sql(1),
    cookie: args.string(2),
    responseTopic: responseTopic === '' ? topic : responseTopic,
    updateType: readUpdateType(args, dialect),
  });
}

/**
 * The parts of a query that V2 to V4 have words for; the rows of a differential query's first run are always wanted.
 */
export function familyQuery(
  vocabulary: VocabularyId,
  parts: Pick<Query, 'event' | 'sql' | 'cookie' | 'responseTopic' | 'updateType'>,
): Query {
  return { vocabulary, ...parts, initialRows: true, queryId: '', zeekInstance: '' };
}

/** V4's enum has INITIAL too, which its scripts define to mean the same as BOTH in a request. */
function readUpdateType(args: Arguments, dialect: Dialect): UpdateType {
  return dialect.marksInitialRows && args.string(4) === 'INITIAL' ? 'BOTH' : args.updateType(4);
}

/** `<ev>(record[host, utype, cookie], columns in the query's order)`. */
function rowShape(
  dialect: Dialect,
  query: Query,
  columns: readonly Column[],
  host: Host,
  options: RowOptions | undefined,
): RowShape {
  const info = (utype: string) => [
    vector([string(host.id), enumValue(`${dialect.enumModule}${utype}`), string(query.cookie)]),
  ];
  const infos = {
    ADDED: info('ADD'),
    REMOVED: info('REMOVE'),
    SNAPSHOT: info('SNAPSHOT'),
    INITIAL: info('INITIAL'),
  };
  return {
    topic: query.responseTopic,
    event: query.event,
    columns,
    columnsAre: 'arguments',
    nullPolicy: options?.nullPolicy ?? 'zero',
    reals: options?.reals ?? 'any',
    head: ({ change, initial }) =>
      infos[dialect.marksInitialRows && initial && change === 'ADDED' ? 'INITIAL' : change],
  };
}
