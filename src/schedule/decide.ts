import { clipped } from './clipping.ts';
import type { Command, CommandOf } from './commands.ts';
import {
  completeResync,
  configureBros,
  connectBro,
  expireBro,
  farewellBro,
  greetBro,
  loseBro,
} from './decide-bro.ts';
import { recordColumns } from './decide-columns.ts';
import { configureGroups, join, leave } from './decide-group.ts';
import { recordOsqueryd, reviewSuspensions } from './decide-osqueryd.ts';
import { execute, narrowToDesiredQueries, refuseQuery, subscribe, unsubscribe } from './decide-query.ts';
import { accept, type Decision, fact, NOTHING } from './decision.ts';
import type { ScheduleEvent } from './events.ts';
import type { Policy } from './policy.ts';
import { broOf, executionNamed, own, type ScheduleState, subscriptionNamed } from './schedule.ts';

/**
 * What a command comes to in this state: the facts to append, and the refusal if it was a Bro's request and is
 * not granted. Never throws, changes nothing, and gives the same for the same arguments.
 */
export function decide(state: ScheduleState, command: Command, policy: Policy): Decision {
  switch (command.type) {
    case 'StartExtension':
      return startExtension(state, command);
    case 'StopExtension':
      return accept([fact(command, 'ExtensionStopped', { reason: command.reason })]);
    case 'ConfigureBros':
      return configureBros(state, command);
    case 'ConnectBro':
      return connectBro(state, command, policy);
    case 'LoseBro':
      return loseBro(state, command);
    case 'CompleteResync':
      return completeResync(state, command);
    case 'ExpireBro':
      return expireBro(state, command);
    case 'GreetBro':
      return greetBro(state, command);
    case 'FarewellBro':
      return farewellBro(state, command);
    case 'Subscribe':
      return subscribe(state, command, policy);
    case 'RefuseQuery':
      return refuseQuery(state, command, policy);
    case 'Unsubscribe':
      return unsubscribe(state, command, policy);
    case 'NarrowToDesiredQueries':
      return narrowToDesiredQueries(state, command, policy);
    case 'Execute':
      return execute(state, command, policy);
    case 'CompleteExecution':
      return completeExecution(state, command);
    case 'ConfigureGroups':
      return configureGroups(state, command);
    case 'Join':
      return join(state, command, policy);
    case 'Leave':
      return leave(state, command, policy);
    case 'RecordScheduleApplied':
      return accept([fact(command, 'ScheduleApplied', { hash: command.hash, entries: command.entries })]);
    case 'RecordScheduleRefused':
      return accept([
        fact(command, 'ScheduleRefused', { hash: command.hash, reason: clipped(command.reason) }),
      ]);
    case 'RecordOsqueryd':
      return recordOsqueryd(state, command);
    case 'RecordOsquerydStopping':
      return state.breaker.osqueryd?.told === false
        ? accept([fact(command, 'OsquerydStopping', {})])
        : NOTHING;
    case 'ReviewSuspensions':
      return reviewSuspensions(state, command);
    case 'RecordColumns':
      return recordColumns(state, command, policy);
    case 'RecordFailure':
      return recordFailure(state, command);
    case 'RecordRecovery':
      return recordRecovery(state, command);
    case 'RecordDenylisted':
      return recordDenylisted(state, command);
    case 'RecordDrop':
      return recordDrop(state, command);
    default:
      return command satisfies never;
  }
}

/**
 * Bros that the log has as connected were so when we went down: they are lost, and their resync begins when
 * they are back. One-time queries that were found unanswered too often (see `isGivenUp`) end then, too.
 */
function startExtension(state: ScheduleState, command: CommandOf<'StartExtension'>): Decision {
  const events: ScheduleEvent[] = [];
  if (state.logId === '' || command.renewNames) {
    const reason = state.logId === '' ? 'the log is new' : 'events that took effect may be missing';
    events.push(fact(command, 'LogStarted', { logId: command.logId, reason }));
  }
  events.push(
    fact(command, 'ExtensionStarted', { instanceId: command.instanceId, version: command.version }),
  );
  for (const bro of Object.values(state.bros)) {
    if (bro.connected) {
      events.push(fact(command, 'BroLost', { peer: bro.peer, reason: 'the extension restarted' }));
    }
  }
  return accept(events);
}

function completeExecution(state: ScheduleState, command: CommandOf<'CompleteExecution'>): Decision {
  const execution = executionNamed(state, command.name);
  if (!execution) return NOTHING;
  const { name, rows } = command;
  const error = clipped(command.error);
  return accept([fact(command, 'ExecutionCompleted', { name, peer: execution.peer, rows, error })]);
}

/** Milliseconds after a text within which another one of the same query is no news: some name the time. */
const TEXT_LASTS = 10 * 60_000;

function recordFailure(state: ScheduleState, command: CommandOf<'RecordFailure'>): Decision {
  const { at, name } = command;
  const subscription = subscriptionNamed(state, name);
  if (!subscription) return NOTHING;
  const text = clipped(command.text);
  const former = own(state.failing, name);
  if (former && (former.text === text || at - former.since < TEXT_LASTS)) return NOTHING;
  return accept([fact(command, 'QueryFailing', { name, peer: subscription.peer, text })]);
}

function recordRecovery(state: ScheduleState, command: CommandOf<'RecordRecovery'>): Decision {
  const subscription = subscriptionNamed(state, command.name);
  if (!subscription || !own(state.failing, command.name)) return NOTHING;
  return accept([fact(command, 'QueryRecovered', { name: command.name, peer: subscription.peer })]);
}

function recordDenylisted(state: ScheduleState, command: CommandOf<'RecordDenylisted'>): Decision {
  const subscription = subscriptionNamed(state, command.name);
  if (!subscription || subscription.denylisted === command.denylisted) return NOTHING;
  const type = command.denylisted ? 'QueryDenylisted' : 'QueryReleased';
  return accept([fact(command, type, { name: command.name, peer: subscription.peer })]);
}

function recordDrop(state: ScheduleState, command: CommandOf<'RecordDrop'>): Decision {
  if (!broOf(state, command.peer)) return NOTHING;
  const { peer, rows, reason } = command;
  return accept([fact(command, 'RowsDropped', { peer, rows, reason })]);
}
