import type { ScheduleState } from '../src/schedule/schedule.ts';
import { reviewDue } from '../src/schedule/suspensions.ts';

/** Suspended queries are due to be tried again. */
export interface SuspensionsDue {
  readonly type: 'suspensions.due';
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export const SUSPENSIONS_DUE = 'suspensions.due';

/** The next look and how long it is until then, in milliseconds; null: nothing is left out. */
export function nextReview(
  schedule: ScheduleState,
  now: number,
): { readonly event: SuspensionsDue; readonly delay: number } | null {
  const at = reviewDue(schedule);
  return at === null ? null : { event: { type: 'suspensions.due', at }, delay: Math.max(0, at - now) };
}
