import { createHash } from 'node:crypto';
import { isConsoleQuery } from '../vocabulary/console-query.ts';
import type { Query, QueryMatch, RepeatedQuery, VocabularyId } from '../vocabulary/model.ts';

/**
 * Which queries of one Bro are the same query. Asking for the same again (a broadcast and a message to this
 * host alone, a repeat after a reconnect) changes nothing; anything else is another query with its own rows.
 */

/**
 * A subscription's identity among those of its Bro, as a short key: the event that takes the rows, the SQL, the
 * cookie, the update type and the interval; with them the vocabulary, since rows look different in each, and in
 * V5 the Zeek instance and its id of the query, which it cancels by. The response topic is not part of it: a
 * broadcast and an individual message may name two.
 */
export function identityOf(query: RepeatedQuery): string {
  return digest([
    query.vocabulary,
    query.event,
    query.sql,
    query.cookie,
    query.updateType,
    query.interval,
    query.zeekInstance,
    query.queryId,
  ]);
}

/** The same for a one-time query, which is the same only as long as it hasn't been answered. */
export function executionIdentityOf(query: Query): string {
  return digest([query.vocabulary, query.event, query.sql, query.cookie, query.zeekInstance, query.queryId]);
}

/** Whether an unsubscribe of that vocabulary means this query. */
export function isMeant(query: Query, vocabulary: VocabularyId, match: QueryMatch): boolean {
  if (query.vocabulary !== vocabulary) return false;
  switch (match.by) {
    case 'sql':
      return query.sql === match.sql;
    case 'identity':
      return (
        query.event === match.event &&
        query.sql === match.sql &&
        query.cookie === match.cookie &&
        query.updateType === match.updateType &&
        // A console's cookie is that of one query alone; others unsubscribe from what is repeated.
        ('interval' in query ? query.interval === match.interval : isConsoleQuery(query))
      );
    case 'queryId':
      return query.queryId === match.queryId && query.zeekInstance === match.zeekInstance;
    case 'zeekInstance':
      return query.zeekInstance === match.zeekInstance;
    default:
      return match satisfies never;
  }
}

/** Unique over all logs that this host ever had: osquery remembers a name's rows for a week. */
export function nextName(state: { readonly logId: string; readonly nextName: number }): string {
  return `bro_${state.logId.slice(0, 8)}_${state.nextName}`;
}

function digest(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}
