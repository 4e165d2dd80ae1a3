import { clipped } from './clipping.ts';
import type { CommandOf } from './commands.ts';
import { accept, type Decision, fact, NOTHING } from './decision.ts';
import type { ScheduleEvent } from './events.ts';
import { endingsThroughGroups } from './group-endings.ts';
import { groupProblem } from './groups.ts';
import type { Policy } from './policy.ts';
import { isRefusalLogged, type Refusal, requestRefusal } from './refusal.ts';
import { broOf, type ScheduleState } from './schedule.ts';

/**
 * Groups belong to whoever put the host in: the configuration, or a Bro. The host is in a group as long as one
 * of them keeps it there, and every Bro sees it so; what a Bro takes back is its own membership alone.
 */

export function configureGroups(state: ScheduleState, command: CommandOf<'ConfigureGroups'>): Decision {
  const groups = [...new Set(command.groups)];
  const now = new Set(groups);
  const left = state.configuredGroups.filter((group) => !now.has(group));
  if (left.length === 0 && groups.length === state.configuredGroups.length) return NOTHING;
  return accept([
    fact(command, 'GroupsConfigured', { groups }),
    ...endings(command, endingsThroughGroups(state, null, left)),
  ]);
}

export function join(state: ScheduleState, command: CommandOf<'Join'>, policy: Policy): Decision {
  const { peer, group } = command;
  const bro = broOf(state, peer);
  if (!bro?.connected) {
    return refuse(state, command, policy, { code: 'not-connected', text: 'the Zeek is not connected' });
  }
  const held = bro.groups.find((membership) => membership.group === group);
  if (held?.confirmed) return NOTHING;
  if (held) return accept([fact(command, 'GroupConfirmed', { peer, group })]);
  const problem = groupProblem(group);
  const refusal: Refusal | null =
    requestRefusal(bro, command.at, policy) ??
    (problem === null ? null : { code: 'bad-group', text: problem }) ??
    (bro.groups.length < policy.maxGroups
      ? null
      : {
          code: 'too-many-groups',
          text: `the host joins at most ${policy.maxGroups} groups for each Zeek`,
        });
  if (refusal) return refuse(state, command, policy, refusal);
  return accept([fact(command, 'GroupJoined', { peer, group })]);
}

export function leave(state: ScheduleState, command: CommandOf<'Leave'>, policy: Policy): Decision {
  const { peer, group } = command;
  const held = broOf(state, peer)?.groups.some((membership) => membership.group === group);
  if (!held) {
    if (!state.configuredGroups.includes(group)) return NOTHING;
    return refuse(state, command, policy, {
      code: 'group-configured',
      text: `group '${group}' is in the host's own configuration; only that can take the host out of it`,
    });
  }
  return accept([
    fact(command, 'GroupLeft', { peer, group, reason: 'asked' }),
    ...endings(command, endingsThroughGroups(state, peer, [group])),
  ]);
}

function endings(
  command: CommandOf<'Leave' | 'ConfigureGroups'>,
  ended: readonly { readonly name: string; readonly peer: string }[],
): ScheduleEvent[] {
  return ended.map(({ name, peer }) =>
    fact(command, 'QueryUnsubscribed', { name, peer, reason: 'group-left' }),
  );
}

function refuse(
  state: ScheduleState,
  command: CommandOf<'Join' | 'Leave'>,
  policy: Policy,
  refusal: Refusal,
): Decision {
  if (!isRefusalLogged(broOf(state, command.peer), command.at, policy)) return { events: [], refusal };
  const { peer } = command;
  const request = command.type === 'Join' ? 'join' : 'leave';
  const { code, text } = refusal;
  return {
    events: [fact(command, 'QueryRefused', { peer, request, code, text: clipped(text), query: null })],
    refusal,
  };
}
