import { type Suspension, workOf } from './breaker.ts';
import { type ScheduleState, type Subscription, subscriptionNamed, subscriptions } from './schedule.ts';

/** What the breaker leaves out of osquery's schedule. */

export function suspensionOf({ breaker }: ScheduleState, name: string): Suspension | undefined {
  return Object.hasOwn(breaker.suspended, name) ? breaker.suspended[name] : undefined;
}

/** What osquery is to run: all that runs repeatedly and is not left out. */
export function runnable(state: ScheduleState): Subscription[] {
  return subscriptions(state).filter(({ name }) => !suspensionOf(state, name));
}

/**
 * Another subscription that does the same work and is left out for having stood at osqueryd's deaths.
 * @param except the name of one that is about to end
 */
export function suspendedTwin(
  state: ScheduleState,
  one: Parameters<typeof workOf>[0],
  except: string | undefined,
): Suspension | undefined {
  const work = workOf(one);
  for (const [name, suspension] of Object.entries(state.breaker.suspended)) {
    const twin = name === except ? undefined : subscriptionNamed(state, name);
    if (suspension.reason === 'osqueryd-died' && twin && workOf(twin) === work) return suspension;
  }
  return undefined;
}

/** When something left out is due, in milliseconds since the epoch; null: nothing is. */
export function reviewDue({ breaker: { suspended, search } }: ScheduleState): number | null {
  const times = Object.values(suspended)
    .filter(({ reason }) => reason === 'osqueryd-died')
    .map(({ until }) => until);
  if (search?.status === 'halving') times.push(search.until);
  return times.length === 0 ? null : Math.min(...times);
}
