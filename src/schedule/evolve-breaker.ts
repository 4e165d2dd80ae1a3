import type { Draft } from 'immer';
import { type Breaker, DEATHS_KEPT, STRIKES_LAST, strikesAgainst, workOf } from './breaker.ts';
import type { EventOf } from './events.ts';
import { type ScheduleState, subscriptionNamed } from './schedule.ts';

/** The breaker after one more fact. */

type State = Draft<ScheduleState>;
type Changing = Draft<Breaker>;

export function osquerydStarted({ breaker }: State, { data }: EventOf<'OsquerydStarted'>): void {
  breaker.osqueryd = { ...data, scheduleSince: null, told: false };
}

export function scheduleApplied({ breaker }: State, { at, data }: EventOf<'ScheduleApplied'>): void {
  if (!breaker.osqueryd) return;
  breaker.osqueryd.scheduleSince = data.entries === 0 ? null : (breaker.osqueryd.scheduleSince ?? at);
}

export function osquerydDied(state: State, { at, data }: EventOf<'OsquerydDied'>): void {
  const { breaker } = state;
  if (breaker.osqueryd) breaker.osqueryd.scheduleSince = null;
  if (data.suspects.length === 0) {
    if (data.blame !== 'unknown') return;
    breaker.unnamedDeaths = [...breaker.unnamedDeaths, at].slice(-DEATHS_KEPT);
    return;
  }
  const named = data.suspects.flatMap((name) => subscriptionNamed(state, name) ?? []);
  for (const work of new Set(named.map(workOf))) {
    breaker.strikes[work] = { deaths: strikesAgainst(breaker, work, at) + 1, lastAt: at };
  }
  for (const [work, { lastAt }] of Object.entries(breaker.strikes)) {
    if (at - lastAt >= STRIKES_LAST) delete breaker.strikes[work];
  }
}

export function querySuspended({ breaker }: State, { at, data }: EventOf<'QuerySuspended'>): void {
  breaker.suspended[data.name] = { since: at, until: data.until, reason: data.reason };
}

export function suspectsHalved({ breaker }: State, { at, data }: EventOf<'SuspectsHalved'>): void {
  const { suspects, running, until } = data;
  breaker.search = {
    status: 'halving',
    suspects: [...suspects],
    running: [...running],
    until,
    length: until - at,
  };
  // Those that stay out do so until then.
  for (const name of suspects) {
    const suspension = breaker.suspended[name];
    if (suspension?.reason === 'search') suspension.until = until;
  }
}

export function searchEnded({ breaker }: State, { data }: EventOf<'SearchEnded'>): void {
  const { outcome, name, until } = data;
  breaker.unnamedDeaths = [];
  switch (outcome) {
    case 'convicted':
      breaker.search = { status: 'convicted', name, until };
      break;
    case 'cleared':
      breaker.search = null;
      break;
    case 'not-ours':
      breaker.search = { status: 'not-ours', until };
      break;
    default:
      outcome satisfies never;
  }
}

/** The query has ended: it is neither left out nor a suspect any more. */
export function forgetQuery(breaker: Changing, name: string): void {
  delete breaker.suspended[name];
  if (breaker.search?.status !== 'halving') return;
  breaker.search.suspects = breaker.search.suspects.filter((one) => one !== name);
  breaker.search.running = breaker.search.running.filter((one) => one !== name);
}
