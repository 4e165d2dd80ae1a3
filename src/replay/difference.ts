import {
  executions,
  groupsOf,
  type ScheduleState,
  type Subscription,
  subscriptions,
} from '../schedule/schedule.ts';
import { formatQuery } from './format.ts';
import { printable, quoted } from './printable.ts';

/** What is different between two moments. */
export interface Difference {
  readonly began: readonly Subscription[];
  readonly ended: readonly Subscription[];
  /** Those that osquery's watchdog stopped or lets run again meanwhile, as they are at the second moment. */
  readonly changed: readonly Subscription[];
  readonly waiting: { readonly before: number; readonly after: number };
  readonly brosCame: readonly string[];
  readonly brosWent: readonly string[];
  readonly groupsJoined: readonly string[];
  readonly groupsLeft: readonly string[];
}

export function difference(before: ScheduleState, after: ScheduleState): Difference {
  const old = new Map(subscriptions(before).map((one) => [one.name, one]));
  const now = new Map(subscriptions(after).map((one) => [one.name, one]));
  const connected = (state: ScheduleState): string[] =>
    Object.values(state.bros)
      .filter((bro) => bro.connected)
      .map((bro) => bro.peer);
  return {
    began: [...now.values()].filter(({ name }) => !old.has(name)),
    ended: [...old.values()].filter(({ name }) => !now.has(name)),
    changed: [...now.values()].filter(({ name, denylisted }) => {
      const former = old.get(name);
      return former !== undefined && former.denylisted !== denylisted;
    }),
    waiting: { before: executions(before).length, after: executions(after).length },
    brosCame: without(connected(after), connected(before)),
    brosWent: without(connected(before), connected(after)),
    groupsJoined: without(groupsOf(after), groupsOf(before)),
    groupsLeft: without(groupsOf(before), groupsOf(after)),
  };
}

/** The difference, a line for each thing: `+` what is new, `-` what is gone, `~` what is otherwise. */
export function formatDifference(difference: Difference): string[] {
  const { began, ended, changed, waiting } = difference;
  return [
    ...ended.map((one) => `- ${formatSubscription(one)}`),
    ...began.map((one) => `+ ${formatSubscription(one)}`),
    ...changed.map(
      (one) =>
        `~ ${formatSubscription(one)}: ${one.denylisted ? 'stopped by' : 'released by'} osquery's watchdog`,
    ),
    ...(waiting.before === waiting.after
      ? []
      : [`~ pending one-time queries: ${waiting.before}, then ${waiting.after}`]),
    ...difference.brosWent.map((peer) => `- ${printable(peer)} connected`),
    ...difference.brosCame.map((peer) => `+ ${printable(peer)} connected`),
    ...difference.groupsLeft.map((group) => `- group ${quoted(group)}`),
    ...difference.groupsJoined.map((group) => `+ group ${quoted(group)}`),
  ];
}

function formatSubscription({ name, peer, query }: Subscription): string {
  return `${name} ${formatQuery(query)} of ${printable(peer)}`;
}

function without(texts: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return texts.filter((text) => !known.has(text));
}
