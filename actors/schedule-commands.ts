import type { MessageOf } from '../src/bus/messages.ts';
import type { Command, CommandOf } from '../src/schedule/commands.ts';
import { type Description, type Descriptions, questionKey, questionOf } from '../src/schedule/description.ts';
import {
  type ScheduleState,
  type Subscription,
  subscriptionNamed,
  subscriptions,
} from '../src/schedule/schedule.ts';
import type { Query, RepeatedQuery, Request } from '../src/vocabulary/model.ts';
import type { SuspensionsDue } from './suspensions-due.ts';
import { ZEEK_SILENCE, type ZeekSilent } from './zeek-silence.ts';

/** The bus messages that change the schedule. */
export type ScheduleInput =
  | MessageOf<'osquery.configured'>
  | MessageOf<'osquery.schedule-applied'>
  | MessageOf<'osquery.schedule-refused'>
  | MessageOf<'osquery.denylisted'>
  | MessageOf<'osquery.columns-doubted'>
  | MessageOf<'osquery.columns-due'>
  | MessageOf<'osquery.query-failed'>
  | MessageOf<'osquery.query-works'>
  | MessageOf<'osquery.identified'>
  | MessageOf<'osquery.shutdown'>
  | MessageOf<'peer.up'>
  | MessageOf<'peer.down'>
  | MessageOf<'peer.resynced'>
  | MessageOf<'peer.expired'>
  | MessageOf<'peer.request'>
  | MessageOf<'courier.dropped'>
  | MessageOf<'execution.finished'>
  | MessageOf<'extension.draining'>;

/** News that waits to be decided on, or a command that the manager itself gives. */
export type Pending = ScheduleInput | ZeekSilent | SuspensionsDue | CommandOf<'StartExtension'>;

/** The subscriptions whose columns osquery is to tell anew, because of that news. */
export function doubtedIn(news: Pending, state: ScheduleState): readonly Subscription[] {
  switch (news.type) {
    case 'osquery.columns-doubted': {
      const subscription = subscriptionNamed(state, news.name);
      return subscription ? [subscription] : [];
    }
    case 'osquery.columns-due':
    case 'osquery.identified':
      return subscriptions(state);
    default:
      return [];
  }
}

/** The queries that a request is about. */
export function queriesIn({ request }: MessageOf<'peer.request'>): readonly (Query | RepeatedQuery)[] {
  if (request.type === 'subscribe' || request.type === 'execute') return [request.query];
  if (request.type === 'desiredQueries') return request.queries;
  return [];
}

/**
 * The commands that follow from a message. `tables` are those that this osquery has: a query that requires others (V5) is
 * ignored without a notice, as its vocabulary demands.
 */
export function commandsFor(
  pending: Pending,
  descriptions: Descriptions,
  tables: readonly string[],
  state: ScheduleState,
): readonly Command[] {
  const { at } = pending;
  switch (pending.type) {
    case 'StartExtension':
      return [pending];
    case 'extension.draining':
      return [{ type: 'StopExtension', at, reason: pending.reason }];
    case 'osquery.configured':
      return [
        { type: 'ConfigureBros', at, peers: pending.peers },
        { type: 'ConfigureGroups', at, groups: pending.groups },
      ];
    case 'osquery.schedule-applied':
      return [{ type: 'RecordScheduleApplied', at, hash: pending.hash, entries: pending.entries }];
    case 'osquery.schedule-refused':
      return [{ type: 'RecordScheduleRefused', at, hash: pending.hash, reason: pending.reason }];
    case 'osquery.denylisted':
      return [{ type: 'RecordDenylisted', at, name: pending.name, denylisted: pending.denylisted }];
    case 'osquery.query-failed':
      return [{ type: 'RecordFailure', at, name: pending.name, text: pending.text }];
    case 'osquery.query-works':
      return [{ type: 'RecordRecovery', at, name: pending.name }];
    case 'osquery.columns-doubted':
    case 'osquery.columns-due':
      return columnCommands(pending, descriptions, state);
    case 'osquery.identified':
      return [
        ...columnCommands(pending, descriptions, state),
        { type: 'RecordOsqueryd', at, osqueryd: pending.osqueryd, evidence: pending.evidence },
      ];
    case 'osquery.shutdown':
      return [{ type: 'RecordOsquerydStopping', at }];
    case 'suspensions.due':
      return [{ type: 'ReviewSuspensions', at }];
    case 'peer.up': {
      const { peer, incarnation, transport } = pending;
      return [{ type: 'ConnectBro', at, peer, incarnation, transport }];
    }
    case 'peer.down':
      return [{ type: 'LoseBro', at, peer: pending.peer, reason: pending.reason }];
    case 'peer.resynced':
      return [{ type: 'CompleteResync', at, peer: pending.peer }];
    case 'peer.expired':
      return [{ type: 'ExpireBro', at, peer: pending.peer }];
    case 'courier.dropped':
      return [{ type: 'RecordDrop', at, peer: pending.peer, rows: pending.rows, reason: pending.reason }];
    case 'execution.finished':
      return [
        { type: 'CompleteExecution', at, name: pending.name, rows: pending.rows, error: pending.error },
      ];
    case 'zeek.silent': {
      const { peer, zeekInstance } = pending;
      const reason = `no hello for ${ZEEK_SILENCE / 1_000} s`;
      return [{ type: 'FarewellBro', at, cause: null, peer, zeekInstance, reason }];
    }
    case 'peer.request':
      return requestCommands(pending, descriptions, tables);
    default:
      return pending satisfies never;
  }
}

/** A query that osquery can't describe now stays as it is: another extension may register its table at any moment. */
function columnCommands(news: Pending, descriptions: Descriptions, state: ScheduleState): readonly Command[] {
  return doubtedIn(news, state).flatMap(({ name, peer, query }) => {
    const description = descriptionOf(query, descriptions);
    if ('error' in description) return [];
    return [{ type: 'RecordColumns', at: news.at, name, peer, query, ...description }];
  });
}

function requestCommands(
  message: MessageOf<'peer.request'>,
  descriptions: Descriptions,
  tables: readonly string[],
): readonly Command[] {
  const { at, peer, request } = message;
  const cause = { peer, requestId: message.requestId };
  switch (request.type) {
    case 'subscribe':
      return isForThisHost(request, tables) ? [subscribe(message, request.query, descriptions)] : [];
    case 'execute':
      return isForThisHost(request, tables) ? [execute(message, request.query, descriptions)] : [];
    case 'unsubscribe':
      return [{ type: 'Unsubscribe', at, cause, peer, vocabulary: request.vocabulary, match: request.match }];
    case 'join':
      return [{ type: 'Join', at, cause, peer, group: request.group }];
    case 'leave':
      return [{ type: 'Leave', at, cause, peer, group: request.group }];
    case 'greet':
      return [{ type: 'GreetBro', at, cause, peer, zeekInstance: request.zeekInstance }];
    case 'farewell': {
      const { zeekInstance } = request;
      return [{ type: 'FarewellBro', at, cause, peer, zeekInstance, reason: 'it shut down' }];
    }
    case 'desiredQueries':
      return desiredQueriesCommands(message, request, descriptions);
    default:
      return request satisfies never;
  }
}

/** The desired queries: any other ends, and these are asked for (again). */
function desiredQueriesCommands(
  message: MessageOf<'peer.request'>,
  desired: Extract<Request, { type: 'desiredQueries' }>,
  descriptions: Descriptions,
): readonly Command[] {
  const { at, peer } = message;
  const { vocabulary, queries } = desired;
  // The package speaks for all of its Bro: its queries carry no instance.
  const zeekInstance = queries[0]?.zeekInstance ?? '';
  return [
    {
      type: 'NarrowToDesiredQueries',
      at,
      cause: { peer, requestId: message.requestId },
      peer,
      vocabulary,
      zeekInstance,
      queries,
    },
    ...queries.map((query) => subscribe(message, query, descriptions)),
  ];
}

function isForThisHost(
  request: Extract<Request, { type: 'subscribe' | 'execute' }>,
  tables: readonly string[],
): boolean {
  const present = new Set(tables);
  return (
    request.requiresTables.every((table) => present.has(table)) &&
    !request.ifMissingTables.some((table) => present.has(table))
  );
}

function subscribe(
  message: MessageOf<'peer.request'>,
  query: RepeatedQuery,
  descriptions: Descriptions,
): Command {
  const { at, peer, incarnation, audience } = message;
  const cause = { peer, requestId: message.requestId };
  const description = descriptionOf(query, descriptions);
  if ('error' in description) return refuse(message, 'subscribe', query, description);
  return { type: 'Subscribe', at, cause, peer, incarnation, audience, query, ...description };
}

function execute(message: MessageOf<'peer.request'>, query: Query, descriptions: Descriptions): Command {
  const { at, peer, incarnation, audience } = message;
  const cause = { peer, requestId: message.requestId };
  const description = descriptionOf(query, descriptions);
  if ('error' in description) return refuse(message, 'execute', query, description);
  return { type: 'Execute', at, cause, peer, incarnation, audience, query, ...description };
}

function refuse(
  { at, peer, requestId }: MessageOf<'peer.request'>,
  request: 'subscribe' | 'execute',
  query: Query,
  { code, error }: { readonly code: string; readonly error: string },
): Command {
  return {
    type: 'RefuseQuery',
    at,
    cause: { peer, requestId },
    peer,
    request,
    query,
    reason: { code, text: error },
  };
}

function descriptionOf(query: Query, descriptions: Descriptions): Description {
  const key = questionKey(questionOf(query));
  const known = Object.hasOwn(descriptions, key) ? descriptions[key] : undefined;
  return known ?? { code: 'not-described', error: 'osquery has not described the columns of the query' };
}
