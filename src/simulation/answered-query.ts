import type { TopicEvent } from '../broker/zeek-event.ts';
import type { Host, Query, RepeatedQuery, Request } from '../vocabulary/model.ts';
import type { RowProblem } from '../vocabulary/row-values.ts';
import type { Vocabularies } from '../vocabulary/vocabularies.ts';
import { columnsOf, inventedRow } from './invented-rows.ts';

/** A query that a simulated host has rows for. */
export interface Answered {
  readonly key: string;
  readonly query: Query | RepeatedQuery;
  /** The row with this number, as its vocabulary sends it. */
  encode(number: number, unixTime: number): TopicEvent | RowProblem;
  isMeantBy(request: Extract<Request, { type: 'unsubscribe' }>): boolean;
}

/** Undefined where the vocabulary is not spoken. */
export function answering(
  query: Query | RepeatedQuery,
  host: Host,
  vocabularies: Vocabularies,
): Answered | undefined {
  const vocabulary = vocabularies.get(query.vocabulary);
  if (!vocabulary) return undefined;
  const columns = columnsOf(query.sql);
  const encoder = vocabulary.rowEncoder(query, columns, host, { reals: 'finite' });
  return {
    key: keyOf(query),
    query,
    encode: (number, unixTime) => encoder(inventedRow(columns, query.updateType, number, unixTime)),
    isMeantBy: (request) => query.vocabulary === request.vocabulary && matches(query, request),
  };
}

function keyOf(query: Query | RepeatedQuery): string {
  const { vocabulary, event, sql, cookie, updateType, responseTopic, queryId, zeekInstance } = query;
  const interval = 'interval' in query ? query.interval : 0;
  const fields = [vocabulary, event, sql, cookie, updateType, responseTopic, queryId, zeekInstance, interval];
  return JSON.stringify(fields);
}

function matches(
  query: Query | RepeatedQuery,
  { match }: Extract<Request, { type: 'unsubscribe' }>,
): boolean {
  switch (match.by) {
    case 'sql':
      return query.sql === match.sql;
    case 'identity':
      return (
        query.event === match.event &&
        query.sql === match.sql &&
        query.cookie === match.cookie &&
        query.updateType === match.updateType &&
        'interval' in query &&
        query.interval === match.interval
      );
    case 'queryId':
      return query.queryId === match.queryId && query.zeekInstance === match.zeekInstance;
    case 'zeekInstance':
      return query.zeekInstance === match.zeekInstance;
    default:
      return match satisfies never;
  }
}
