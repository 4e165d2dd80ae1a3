/**
 * The longest interval that osquery schedules, in seconds (a week): it drops an entry with a longer one without a
 * word.
 */
export const LONGEST_INTERVAL = 604_800;

/** Whole seconds from 1 to a week: osquery drops an entry whose interval is anything else. */
export function clampInterval(seconds: number): number {
  if (!(seconds >= 1)) return 1;
  return Math.min(Math.ceil(seconds), LONGEST_INTERVAL);
}
