import {
  DEATHS_TO_SEARCH,
  DEATHS_TO_SUSPEND,
  type Evidence,
  firstHalf,
  type OsquerydEnd,
  RESTARTS_TO_SEARCH,
  SUSPENDED_FOR,
  SUSPICIOUS_LIFETIME,
  strikesAgainst,
  trialLength,
  workOf,
} from './breaker.ts';
import { clipped } from './clipping.ts';
import type { CommandOf } from './commands.ts';
import { accept, type Decision, fact, NOTHING } from './decision.ts';
import type { Resuming, ScheduleEvent } from './events.ts';
import { type ScheduleState, type Subscription, subscriptionNamed, subscriptions } from './schedule.ts';
import { runnable, suspensionOf } from './suspensions.ts';
import { isForOsquery } from './translation.ts';

/** osqueryd ends and starts; what ended it is left out before the new one is given the schedule. */

interface Timed {
  readonly at: number;
}

export function recordOsqueryd(state: ScheduleState, command: CommandOf<'RecordOsqueryd'>): Decision {
  const { osqueryd } = command;
  const former = state.breaker.osqueryd;
  if (
    former?.pid === osqueryd.pid &&
    former.startedAt === osqueryd.startedAt &&
    former.boot === osqueryd.boot
  ) {
    return NOTHING;
  }
  return accept([...endOfFormer(state, command), fact(command, 'OsquerydStarted', osqueryd)]);
}

function endOfFormer(state: ScheduleState, command: CommandOf<'RecordOsqueryd'>): ScheduleEvent[] {
  const former = state.breaker.osqueryd;
  if (former?.scheduleSince == null) return [];
  // The whole system went down: it takes whatever runs with it.
  if (former.boot !== command.osqueryd.boot) return [];
  const end = endFrom(command.evidence, former.pid);
  const told = former.told || end.told;
  const lifetime = command.at - former.scheduleSince;
  const isSuspicious = !told || (end.log === 'unread' && lifetime < SUSPICIOUS_LIFETIME);
  if (end.log !== 'failure' && !isSuspicious) return [];
  const named = end.named.filter((name) => subscriptionNamed(state, name));
  const died = fact(command, 'OsquerydDied', {
    suspects: named,
    blame: end.blame,
    reason: clipped(end.text),
  });
  if (named.length > 0) return [died, ...strike(state, command, named)];
  if (end.blame !== 'unknown') return [died];
  return [died, ...search(state, command, { lifetime, told })];
}

/** What the evidence says of the process with that pid. */
function endFrom({ told, ends, interrupted }: Evidence, pid: number): OsquerydEnd {
  const own = ends.find((one) => one.pid === pid);
  if (interrupted !== '') {
    const text = `the next osqueryd found that it was executing ${interrupted}`;
    return { told, log: 'failure', blame: 'query', named: [interrupted], text };
  }
  if (!own) return { told, log: 'unread', blame: 'unknown', named: [], text: '' };
  if (own.blame === 'none') return { told, log: 'quiet', blame: 'unknown', named: [], text: '' };
  const named = own.blame === 'query' && own.name !== '' ? [own.name] : [];
  return { told, log: 'failure', blame: own.blame, named, text: own.text };
}

/** One more death for each query that stood there, and for all that do the same. */
function strike(state: ScheduleState, command: Timed, named: readonly string[]): ScheduleEvent[] {
  const works = new Set(named.flatMap((name) => subscriptionNamed(state, name) ?? []).map(workOf));
  const guilty = new Set(
    [...works].filter((work) => strikesAgainst(state.breaker, work, command.at) + 1 >= DEATHS_TO_SUSPEND),
  );
  return subscriptions(state)
    .filter((subscription) => guilty.has(workOf(subscription)))
    .flatMap((subscription) => convict(state, command, subscription));
}

function convict(state: ScheduleState, command: Timed, { name, peer }: Subscription): ScheduleEvent[] {
  if (suspensionOf(state, name)?.reason === 'osqueryd-died') return [];
  return [
    fact(command, 'QuerySuspended', {
      name,
      peer,
      reason: 'osqueryd-died',
      until: command.at + SUSPENDED_FOR,
    }),
  ];
}

interface Unnamed {
  /** Milliseconds that osqueryd lived with our schedule. */
  readonly lifetime: number;
  readonly told: boolean;
}

/** No query could be named: the half of the suspects that ran is halved, or a search begins. */
function search(state: ScheduleState, command: Timed, { lifetime, told }: Unnamed): ScheduleEvent[] {
  const { at } = command;
  const { search: under } = state.breaker;
  switch (under?.status) {
    case 'halving': {
      const running = under.running.flatMap((name) => subscriptionNamed(state, name) ?? []);
      const [only] = running;
      if (!only) return [];
      if (running.length > 1) return halve(state, command, namesOf(running), trialLength(lifetime));
      const others = under.suspects.filter((name) => name !== only.name);
      return [
        ...resume(state, command, others, 'search'),
        ...convict(state, command, only),
        fact(command, 'SearchEnded', { outcome: 'convicted', name: only.name, until: at + under.length }),
      ];
    }
    case 'convicted':
      if (at >= under.until) break;
      return [
        ...resume(state, command, [under.name], 'not-it'),
        fact(command, 'SearchEnded', { outcome: 'not-ours', name: under.name, until: at + SUSPENDED_FOR }),
      ];
    case 'not-ours':
      if (at < under.until) return [];
      break;
    case undefined:
      break;
    default:
      under satisfies never;
  }
  const deaths = [...state.breaker.unnamedDeaths, at];
  const isOften = (told ? RESTARTS_TO_SEARCH : DEATHS_TO_SEARCH).some(
    ({ deaths: needed, within }) => deaths.filter((death) => at - death < within).length >= needed,
  );
  const suspects = namesOf(runnable(state).filter(isForOsquery));
  if (!isOften || suspects.length === 0) return [];
  return halve(state, command, suspects, trialLength(lifetime));
}

/** From now on one of these is sought: half of them run for that long. */
function halve(
  state: ScheduleState,
  command: Timed,
  suspects: readonly string[],
  length: number,
): ScheduleEvent[] {
  const until = command.at + length;
  const running = firstHalf(suspects);
  const { search: under } = state.breaker;
  const former = under?.status === 'halving' ? under.suspects : [];
  const released = [...former.filter((name) => !suspects.includes(name)), ...running];
  return [
    fact(command, 'SuspectsHalved', { suspects: [...suspects], running: [...running], until }),
    ...resume(state, command, released, 'search'),
    ...suspects
      .filter((name) => !running.includes(name) && !suspensionOf(state, name))
      .flatMap((name) => subscriptionNamed(state, name) ?? [])
      .map(({ name, peer }) => fact(command, 'QuerySuspended', { name, peer, reason: 'search', until })),
  ];
}

function namesOf(all: readonly Subscription[]): string[] {
  return all.map(({ name }) => name);
}

function resume(
  state: ScheduleState,
  command: Timed,
  names: readonly string[],
  reason: Resuming,
): ScheduleEvent[] {
  return names
    .filter((name) => {
      const suspension = suspensionOf(state, name);
      return suspension && (reason !== 'search' || suspension.reason === 'search');
    })
    .flatMap((name) => subscriptionNamed(state, name) ?? [])
    .map(({ name, peer }) => fact(command, 'QueryResumed', { name, peer, reason }));
}

/** What was left out long enough is tried again, and suspects that have run without a death are cleared. */
export function reviewSuspensions(state: ScheduleState, command: CommandOf<'ReviewSuspensions'>): Decision {
  const { at } = command;
  const { search: under, suspended } = state.breaker;
  const due = Object.entries(suspended).flatMap(([name, { until, reason }]) =>
    reason === 'osqueryd-died' && until <= at ? [name] : [],
  );
  const events = resume(state, command, due, 'time-over');
  if (under?.status !== 'halving' || under.until > at) return accept(events);
  const left = under.suspects.filter(
    (name) => !under.running.includes(name) && subscriptionNamed(state, name),
  );
  if (left.length > 0) return accept([...events, ...halve(state, command, left, under.length)]);
  return accept([...events, fact(command, 'SearchEnded', { outcome: 'cleared', name: '', until: at })]);
}
