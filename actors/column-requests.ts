import type { MessageOf } from '../src/bus/messages.ts';
import { unheld } from '../src/schedule/decide-query.ts';
import { type Descriptions, type Question, questionKey, questionOf } from '../src/schedule/description.ts';
import type { Policy } from '../src/schedule/policy.ts';
import { type Refusal, requestRefusal, sqlRefusal } from '../src/schedule/refusal.ts';
import { broOf, type ScheduleState } from '../src/schedule/schedule.ts';
import type { Query, RepeatedQuery } from '../src/vocabulary/model.ts';
import { doubtedIn, type Pending, queriesIn } from './schedule-commands.ts';

/** What is to be asked of osquery before a batch of news can be decided on. */
export interface ColumnRequests {
  /** Each once. */
  readonly queries: readonly Question[];
  /** Queries that are refused whatever osquery would say: it is not asked about them. */
  readonly refused: Descriptions;
}

/**
 * The queries whose columns osquery must describe before the requests can be decided. Queries that a Bro's limits forbid are not
 * among them, so that a Bro causes no more work for osquery than its limits allow.
 */
export function columnRequestsOf(
  pending: readonly Pending[],
  state: ScheduleState,
  policy: Policy,
): ColumnRequests {
  const queries = new Map<string, Question>();
  const refused: Record<string, Descriptions[string]> = {};
  for (const news of pending) {
    for (const { query } of doubtedIn(news, state)) {
      const question = questionOf(query);
      queries.set(questionKey(question), question);
    }
    if (news.type !== 'peer.request') continue;
    for (const [at, query] of queriesIn(news).entries()) {
      const refusal = refusalUnseen(news, query, at, state, policy);
      const question = questionOf(query);
      const key = questionKey(question);
      if (refusal) refused[key] = { code: refusal.code, error: refusal.text };
      else queries.set(key, question);
    }
  }
  return { queries: [...queries.values()], refused };
}

/** `place` among the request's queries, from 0 on. */
function refusalUnseen(
  { peer, at }: MessageOf<'peer.request'>,
  query: Query | RepeatedQuery,
  place: number,
  state: ScheduleState,
  policy: Policy,
): Refusal | null {
  const tooLong = sqlRefusal(query.sql, policy);
  if (tooLong) return tooLong;
  if (place >= policy.maxSubscriptions) {
    return {
      code: 'too-many-subscriptions',
      text: `the limit of ${policy.maxSubscriptions} subscriptions for each Zeek is exceeded on this host`,
    };
  }
  const bro = broOf(state, peer);
  const overRate = bro && requestRefusal(bro, at, policy);
  // A query that it already has may be requested again, and may have other columns now.
  const isNew = !('interval' in query) || unheld(state, peer, [query], policy).length > 0;
  return overRate && isNew ? overRate : null;
}
