import type { Query, RepeatedQuery } from '../vocabulary/model.ts';
import { clipped, clippedQuery } from './clipping.ts';
import { columnsRefusal } from './column-names.ts';
import type { CommandOf, PeerId } from './commands.ts';
import { accept, type Decision, fact, NOTHING } from './decision.ts';
import { isSameForm } from './description.ts';
import { identityOf, isMeant, nextName } from './identity.ts';
import { overflowRefusal } from './overflow.ts';
import type { Policy } from './policy.ts';
import {
  intervalRefusal,
  isRefusalLogged,
  type Refusal,
  requestRefusal,
  spaceRefusal,
  sqlRefusal,
  tableRefusal,
  wordsRefusal,
} from './refusal.ts';
import { entryBytes } from './render.ts';
import {
  broOf,
  executionLike,
  executionsOf,
  type ScheduleState,
  type Subscription,
  subscriptionLike,
  subscriptionsOf,
} from './schedule.ts';
import { suspendedTwin } from './suspensions.ts';

/** Bros subscribe, unsubscribe, and ask once. */

/**
 * The query as osquery can run it: whole seconds, rounded up so that it never runs more often than asked, and
 * the default where the Bro gave no interval. What is compared, kept and scheduled is this form.
 */
export function normalised(query: RepeatedQuery, policy: Policy): RepeatedQuery {
  return { ...query, interval: normalisedInterval(query.interval, policy) };
}

function normalisedInterval(interval: number, policy: Policy): number {
  // A time without end has no way through JSON; it is refused as too long all the same.
  return interval > 0 ? Math.min(Math.ceil(interval), Number.MAX_SAFE_INTEGER) : policy.defaultInterval;
}

export function subscribe(state: ScheduleState, command: CommandOf<'Subscribe'>, policy: Policy): Decision {
  const { peer, incarnation, audience } = command;
  const query = normalised(command.query, policy);
  const former = subscriptionLike(state, peer, query);
  if (former && goesOn(former, command)) return confirm(former, command);
  const refusal = subscriptionRefusal(state, command, query, former, policy);
  if (refusal) return refuse(state, { ...command, request: 'subscribe', query }, policy, refusal);
  const name = nextName(state);
  const begun = fact(command, 'QuerySubscribed', {
    name,
    peer,
    incarnation,
    generation: (former?.generation ?? 0) + 1,
    query,
    columns: command.columns,
    tables: command.tables,
    audience,
    ...(command.translation && { translation: command.translation }),
  });
  const twin = suspendedTwin(state, { query, translation: command.translation }, former?.name);
  const left = twin
    ? [fact(command, 'QuerySuspended', { name, peer, reason: 'osqueryd-died', until: twin.until })]
    : [];
  if (!former) return accept([begun, ...left]);
  const reason = former.incarnation === incarnation ? 'columns-changed' : 'new-generation';
  return accept([fact(command, 'QueryUnsubscribed', { name: former.name, peer, reason }), begun, ...left]);
}

/** A Bro that has kept its state and asks for what it has, in the shape that it has it, goes on having it. */
function goesOn(former: Subscription, command: CommandOf<'Subscribe'>): boolean {
  return former.incarnation === command.incarnation && isSameForm(former, command);
}

function confirm(former: Subscription, command: CommandOf<'Subscribe'>): Decision {
  const { audience, peer } = command;
  const isKnownWay = former.via.some(
    (way) =>
      way.to === audience.to &&
      (way.to !== 'group' || audience.to !== 'group' || way.group === audience.group),
  );
  if (former.confirmed && isKnownWay) return NOTHING;
  return accept([fact(command, 'QueryConfirmed', { name: former.name, peer, audience })]);
}

function subscriptionRefusal(
  state: ScheduleState,
  command: CommandOf<'Subscribe'>,
  query: RepeatedQuery,
  former: Subscription | undefined,
  policy: Policy,
): Refusal | null {
  const bro = broOf(state, command.peer);
  if (!bro?.connected || bro.incarnation !== command.incarnation) return NOT_CONNECTED;
  const freed = former ? entryBytes(former.name, former) : 0;
  return (
    (former ? null : requestRefusal(bro, command.at, policy)) ??
    logRefusal(state) ??
    wordsRefusal(query) ??
    sqlRefusal(query.sql, policy) ??
    overflowRefusal(query) ??
    intervalRefusal(query.interval, policy) ??
    tableRefusal(command.tables, policy) ??
    columnsRefusal(command.columns) ??
    (former || Object.keys(bro.subscriptions).length < policy.maxSubscriptions
      ? null
      : {
          code: 'too-many-subscriptions',
          text: `the limit of ${policy.maxSubscriptions} subscriptions for each Zeek is reached on this host`,
        }) ??
    spaceRefusal(
      state,
      entryBytes(nextName(state), { query, translation: command.translation }) - freed,
      policy,
    )
  );
}

/** The caller has found out that the query can't be had; that is a fact of its Bro's life all the same. */
export function refuseQuery(
  state: ScheduleState,
  command: CommandOf<'RefuseQuery'>,
  policy: Policy,
): Decision {
  return refuse(state, command, policy, command.reason);
}

/** Ends what the Bro means, one-time queries that wait among them. Meaning nothing that is there is no mistake. */
export function unsubscribe(
  state: ScheduleState,
  command: CommandOf<'Unsubscribe'>,
  policy: Policy,
): Decision {
  const { peer, vocabulary } = command;
  const match =
    command.match.by === 'identity'
      ? { ...command.match, interval: normalisedInterval(command.match.interval, policy) }
      : command.match;
  const meant = (one: { readonly query: Query }) => isMeant(one.query, vocabulary, match);
  return accept([
    ...subscriptionsOf(state, peer)
      .filter(meant)
      .map(({ name }) => fact(command, 'QueryUnsubscribed', { name, peer, reason: 'asked' })),
    ...executionsOf(state, peer)
      .filter(meant)
      .map(({ name }) => fact(command, 'ExecutionCancelled', { name, peer, reason: 'asked' })),
  ]);
}

/** What a Zeek instance holds of a vocabulary and no longer wants, by its own account of all that it wants. */
export function narrowToDesiredQueries(
  state: ScheduleState,
  command: CommandOf<'NarrowToDesiredQueries'>,
  policy: Policy,
): Decision {
  const { peer, vocabulary, zeekInstance } = command;
  const wanted = new Set(command.queries.map((query) => identityOf(normalised(query, policy))));
  const unwanted = subscriptionsOf(state, peer).filter(
    ({ query, identity }) =>
      query.vocabulary === vocabulary && query.zeekInstance === zeekInstance && !wanted.has(identity),
  );
  return accept(
    unwanted.map(({ name }) => fact(command, 'QueryUnsubscribed', { name, peer, reason: 'not-desired' })),
  );
}

/** Of the queries that a Bro wants, those that this incarnation of it doesn't hold yet. */
export function unheld(
  state: ScheduleState,
  peer: PeerId,
  queries: readonly RepeatedQuery[],
  policy: Policy,
): RepeatedQuery[] {
  const incarnation = broOf(state, peer)?.incarnation;
  return queries.filter((query) => {
    const held = subscriptionLike(state, peer, normalised(query, policy));
    return !held || held.incarnation !== incarnation;
  });
}

/** The same query asked again while it waits for its rows (a broadcast and an individual message) runs once. */
export function execute(state: ScheduleState, command: CommandOf<'Execute'>, policy: Policy): Decision {
  const { peer, incarnation, query, columns, tables, audience, translation } = command;
  if (executionLike(state, peer, query)) return NOTHING;
  const refusal = executionRefusal(state, command, policy);
  if (refusal) return refuse(state, { ...command, request: 'execute' }, policy, refusal);
  const name = nextName(state);
  return accept([
    fact(command, 'QueryExecuted', {
      ...{ name, peer, incarnation, query, columns, tables, audience },
      ...(translation && { translation }),
    }),
  ]);
}

function executionRefusal(
  state: ScheduleState,
  command: CommandOf<'Execute'>,
  policy: Policy,
): Refusal | null {
  const bro = broOf(state, command.peer);
  if (!bro?.connected || bro.incarnation !== command.incarnation) return NOT_CONNECTED;
  return (
    requestRefusal(bro, command.at, policy) ??
    logRefusal(state) ??
    wordsRefusal(command.query) ??
    sqlRefusal(command.query.sql, policy) ??
    tableRefusal(command.tables, policy) ??
    columnsRefusal(command.columns) ??
    (executionsOf(state, command.peer).length < policy.maxPendingExecutions
      ? null
      : {
          code: 'too-many-executions',
          text: `${policy.maxPendingExecutions} one-time queries of this Zeek are pending; try again later`,
        })
  );
}

const NOT_CONNECTED: Refusal = {
  code: 'not-connected',
  text: 'the connection of the request is closed',
};

function logRefusal(state: ScheduleState): Refusal | null {
  return state.logId === '' ? { code: 'log-not-started', text: 'the event log has not started yet' } : null;
}

function refuse(
  state: ScheduleState,
  command: Omit<CommandOf<'RefuseQuery'>, 'type' | 'reason'>,
  policy: Policy,
  refusal: Refusal,
): Decision {
  if (!isRefusalLogged(broOf(state, command.peer), command.at, policy)) return { events: [], refusal };
  const { peer, request } = command;
  const query = clippedQuery('interval' in command.query ? normalised(command.query, policy) : command.query);
  const { code, text } = refusal;
  return {
    events: [fact(command, 'QueryRefused', { peer, request, code, text: clipped(text), query })],
    refusal,
  };
}
