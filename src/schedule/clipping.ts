import { shortened } from '../text/shortened.ts';
import type { Query, RepeatedQuery } from '../vocabulary/model.ts';

/**
 * What others say is kept for people to read, not in full: a Bro that sends megabytes of SQL, or a system with a
 * long error, must not be able to make a record that the log can't take.
 */

/** Longest text that a fact quotes, in UTF-16 units. */
export const MAX_QUOTE = 4096;

/** The beginning of a text. */
export function clipped(text: string): string {
  return text.length <= MAX_QUOTE ? text : shortened(text, MAX_QUOTE - 1);
}

/** A query of which each text is quoted. */
export function clippedQuery<Q extends Query | RepeatedQuery>(query: Q): Q {
  return {
    ...query,
    event: clipped(query.event),
    sql: clipped(query.sql),
    cookie: clipped(query.cookie),
    responseTopic: clipped(query.responseTopic),
    queryId: clipped(query.queryId),
    zeekInstance: clipped(query.zeekInstance),
  };
}
