import type { BusMessage } from '../src/bus/messages.ts';
import type { Command } from '../src/schedule/commands.ts';
import { decide } from '../src/schedule/decide.ts';
import type { Descriptions } from '../src/schedule/description.ts';
import type { EventData, ScheduleEvent } from '../src/schedule/events.ts';
import { fold } from '../src/schedule/evolve.ts';
import type { Policy } from '../src/schedule/policy.ts';
import { type RenderedSchedule, renderedOf } from '../src/schedule/render.ts';
import {
  broOf,
  executionNamed,
  groupsOf,
  own,
  type ScheduleState,
  subscriptionNamed,
  subscriptionsOf,
} from '../src/schedule/schedule.ts';
import { suspensionOf } from '../src/schedule/suspensions.ts';
import { isConsoleQuery } from '../src/vocabulary/console-query.ts';
import type { Query } from '../src/vocabulary/model.ts';
import { columnsNotice, failureNotice, suspendedNotice, suspensionNotice } from './notices.ts';
import { commandsFor, type Pending } from './schedule-commands.ts';

/** The decisions on a batch of messages, before they are in the log. */
export interface Decided {
  /** The state once the events are in the log. */
  readonly next: ScheduleState;
  /** That state as osquery's config; null where osquery need not be given another. */
  readonly rendered: RenderedSchedule | null;
  readonly events: readonly ScheduleEvent[];
  /** Notices to Bros whose requests were refused, sent whether or not the log accepts the events. */
  readonly refusals: readonly BusMessage[];
}

/** Decides on one message after the other, each on the state that results from those before. */
export function decideAll(
  state: ScheduleState,
  pending: readonly Pending[],
  descriptions: Descriptions,
  tables: readonly string[],
  policy: Policy,
): Decided {
  let next = state;
  const events: ScheduleEvent[] = [];
  const refusals: BusMessage[] = [];
  for (const news of pending) {
    for (const command of commandsFor(news, descriptions, tables, next)) {
      const decision = decide(next, command, policy);
      next = fold(next, decision.events);
      events.push(...decision.events);
      if (decision.refusal) refusals.push(refusal(command, decision.refusal.text));
    }
  }
  return { next, rendered: isNewForOsquery(events) ? renderedOf(next) : null, events, refusals };
}

function refusal(command: Command, text: string): BusMessage {
  const peer = 'peer' in command ? command.peer : '';
  const query = 'query' in command ? command.query : undefined;
  return tell(peer, 'error', text, query);
}

function tell(
  peer: string,
  level: 'log' | 'warning' | 'error',
  text: string,
  query: Query | undefined,
): BusMessage {
  return { type: 'peer.tell', peer, notice: { level, text, ...(query && { query }) } };
}

/** Notices to the Bros whose requests could not be logged. */
export function refusalsForLog(pending: readonly Pending[], reason: string): readonly BusMessage[] {
  return pending.flatMap((news) => {
    if (news.type !== 'peer.request') return [];
    const { request, peer } = news;
    const query = 'query' in request ? request.query : undefined;
    return [tell(peer, 'error', `this host can't accept requests now: ${reason}`, query)];
  });
}

/** The messages to the rest of the system where nothing can be logged. */
export function blockedMessages(pending: readonly Pending[], reason: string): readonly BusMessage[] {
  return [...refusalsForLog(pending, reason), { type: 'schedule.blocked', reason }];
}

/** Which osqueryd the decision is for. */
export function reviewed(pending: readonly Pending[]): readonly BusMessage[] {
  return pending.flatMap((news) =>
    news.type === 'osquery.identified' ? [{ type: 'schedule.reviewed', pid: news.osqueryd.pid }] : [],
  );
}

/** The messages to the rest of the system once the events are in the log. */
export function messagesOf(
  before: ScheduleState,
  { next, rendered, events, refusals }: Decided,
): readonly BusMessage[] {
  return [
    ...(rendered ? [scheduleNews(next, rendered, events)] : []),
    ...groupNews(before, next),
    ...refusals,
    ...noticesFor(before, next, events),
  ];
}

/** At the start the schedule is always pushed: osquery may have none, or an old one. */
function isNewForOsquery(events: readonly ScheduleEvent[]): boolean {
  return events.some(
    ({ type }) =>
      type === 'ExtensionStarted' ||
      type === 'QuerySubscribed' ||
      type === 'QueryUnsubscribed' ||
      type === 'QuerySuspended' ||
      type === 'QueryResumed',
  );
}

function scheduleNews(
  next: ScheduleState,
  rendered: RenderedSchedule,
  events: readonly ScheduleEvent[],
): BusMessage {
  const added = events.flatMap((event) => {
    // A query that was removed in the same batch was never scheduled.
    const subscription =
      event.type === 'QuerySubscribed' ? subscriptionNamed(next, event.data.name) : undefined;
    return subscription ? [subscription] : [];
  });
  const removed = events.flatMap((event) => (event.type === 'QueryUnsubscribed' ? [event.data.name] : []));
  const entries = Object.keys(rendered.config.schedule).length;
  return { type: 'schedule.changed', ...rendered, entries, added, removed };
}

function groupNews(before: ScheduleState, next: ScheduleState): readonly BusMessage[] {
  const groups = groupsOf(next);
  const same = JSON.stringify(groups) === JSON.stringify(groupsOf(before));
  return same ? [] : [{ type: 'schedule.groups', groups }];
}

/** Events of which the Bro concerned is notified. */
function noticesFor(
  before: ScheduleState,
  state: ScheduleState,
  events: readonly ScheduleEvent[],
): readonly BusMessage[] {
  return events.flatMap((event): BusMessage[] => {
    switch (event.type) {
      case 'ExecutionCompleted':
        return completionNotices(event.data, executionNamed(before, event.data.name)?.query);
      case 'ExecutionCancelled': {
        if (event.data.reason !== 'unanswered') return [];
        const { peer, name } = event.data;
        const text = `one-time query ${name}: given up, because the extension stopped several times before it was answered`;
        return [tell(peer, 'error', text, executionNamed(before, name)?.query)];
      }
      case 'QuerySuspended':
      case 'QueryResumed': {
        // A Bro that is away is notified when it is back.
        const { peer, name } = event.data;
        const query = subscriptionNamed(state, name)?.query;
        return broOf(state, peer)?.connected ? [tell(peer, 'warning', suspensionNotice(event), query)] : [];
      }
      case 'QueryFailing':
      case 'QueryRecovered': {
        const { peer, name } = event.data;
        const query = subscriptionNamed(state, name)?.query;
        if (!broOf(state, peer)?.connected) return [];
        return event.type === 'QueryFailing'
          ? [tell(peer, 'error', failureNotice(event.data.text), query)]
          : [tell(peer, 'log', 'osquery runs this query again, without failing', query)];
      }
      case 'QuerySubscribed': {
        // Nobody asked for this generation: osquery's columns have changed.
        const { peer, query, columns } = event.data;
        if (event.cause !== null || !broOf(state, peer)?.connected) return [];
        return [tell(peer, 'warning', columnsNotice(columns), query)];
      }
      case 'BroConnected':
        return subscriptionsOf(state, event.data.peer).flatMap(({ name, peer, query }) => {
          const suspension = suspensionOf(state, name);
          if (suspension) return [tell(peer, 'warning', suspendedNotice(suspension), query)];
          const failure = own(state.failing, name);
          return failure ? [tell(peer, 'error', failureNotice(failure.text), query)] : [];
        });
      case 'QueryDenylisted':
      case 'QueryReleased': {
        const query = subscriptionNamed(state, event.data.name)?.query;
        const text =
          event.type === 'QueryDenylisted'
            ? "osquery's watchdog denylisted this query for using too many resources; it will be retried in a day"
            : 'osquery runs this query again';
        return [tell(event.data.peer, 'warning', text, query)];
      }
      default:
        return [];
    }
  });
}

/** A console is told of each end of its query, others of failures. */
function completionNotices(
  { peer, name, rows, error }: EventData<'ExecutionCompleted'>,
  query: Query | undefined,
): BusMessage[] {
  const isConsoles = query !== undefined && isConsoleQuery(query);
  if (error !== '') {
    return isConsoles
      ? [tell(peer, 'error', error, query)]
      : [tell(peer, 'error', `one-time query ${name}: ${error}`, undefined)];
  }
  if (!isConsoles) return [];
  return [{ type: 'peer.tell', peer, notice: { level: 'log', text: 'answered', query, rows } }];
}
