import { enumValue, string, vector } from '../broker/data.ts';
import { audienceOf, type HostTopics } from './host-topics.ts';
import { type Arguments, type RequestDefinition, readRequest, signature } from './request-reader.ts';
import { rowEvent } from './row-events.ts';
import { isRowProblem, rowConverter } from './row-values.ts';
import type { RowEncoder, RowOptions, Vocabulary } from './vocabulary.ts';
import type { Column, Host, Query, ResultRow, UpdateType, VocabularyId } from './words.ts';

/** What sets apart the vocabularies from V2 to V4, which else share requests and rows. */
export interface Dialect {
  readonly id: VocabularyId;
  /** Module of the requests' events, with `::`. */
  readonly module: string;
  /** Module of the enum in rows, with `::`. */
  readonly enumModule: string;
  readonly topics: HostTopics;
  /** Whether the rows of a differential query's first run say so (V4's INITIAL). */
  readonly marksInitialRows: boolean;
}

const QUERY = 'ev: string, query: string, cookie: string, resT: string, utype: string';

/** The requests of V2 to V4 by event name. */
export function familyRequests(dialect: Dialect): ReadonlyMap<string, RequestDefinition> {
  const vocabulary = dialect.id;
  return new Map<string, RequestDefinition>([
    [
      `${dialect.module}host_subscribe`,
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
      `${dialect.module}host_unsubscribe`,
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
      `${dialect.module}host_execute`,
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
      `${dialect.module}host_join`,
      {
        signature: signature('group: string'),
        build: (args) => ({ type: 'join', vocabulary, group: args.group(0) }),
      },
    ],
    [
      `${dialect.module}host_leave`,
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

/** The parts of a query that V2 to V4 have words for; the rows of a differential query's first run are always wanted. */
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

/** Reads the requests of V2 to V4, and of a dialect's own beside them. */
export function familyDecoder(
  dialect: Dialect,
  requests: ReadonlyMap<string, RequestDefinition>,
): Vocabulary['decode'] {
  return (topic, event, host) => {
    const definition = requests.get(event.name);
    const audience = definition && audienceOf(dialect.topics, topic, host);
    return audience && readRequest(dialect.id, definition, event, { topic, host }, audience);
  };
}

/** `<ev>(record[host, utype, cookie], columns in the query's order)`. */
export function familyRowEncoder(
  dialect: Dialect,
  query: Query,
  columns: readonly Column[],
  host: Host,
  options: RowOptions | undefined,
): RowEncoder {
  const convert = rowConverter(columns, options?.nullPolicy ?? 'zero', options?.reals);
  const info = (utype: string) =>
    vector([string(host.id), enumValue(`${dialect.enumModule}${utype}`), string(query.cookie)]);
  const infos = {
    ADDED: info('ADD'),
    REMOVED: info('REMOVE'),
    SNAPSHOT: info('SNAPSHOT'),
    INITIAL: info('INITIAL'),
  };
  const kind = (row: ResultRow) =>
    dialect.marksInitialRows && row.initial && row.change === 'ADDED' ? 'INITIAL' : row.change;
  return (row) => {
    const values = convert(row.columns);
    if (isRowProblem(values)) return values;
    return {
      topic: query.responseTopic,
      event: rowEvent(query.event, [infos[kind(row)], ...values], row),
    };
  };
}

/** Event names and parameters, for error messages and documentation. */
export function signaturesOf(requests: ReadonlyMap<string, RequestDefinition>): Vocabulary['requests'] {
  return new Map([...requests].map(([name, definition]) => [name, definition.signature]));
}
