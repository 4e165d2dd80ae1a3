import { own, type ScheduleState, type Subscription } from './schedule.ts';
import { suspensionOf } from './suspensions.ts';

/** Why a subscription does not run as it was asked for, in words for an operator; empty: it does. */
export function troubleOf(state: ScheduleState, { name, denylisted }: Subscription): string {
  const suspension = suspensionOf(state, name);
  if (suspension) {
    const until = new Date(suspension.until).toISOString().replace(/\.\d+Z$/, 'Z');
    return suspension.reason === 'osqueryd-died'
      ? `left out of osquery's schedule until ${until}: osqueryd has ended twice while it ran`
      : `left out of osquery's schedule until ${until} at the latest: osqueryd ends again and again, and others are tried`;
  }
  if (denylisted) return "osquery's watchdog keeps it from running for a day: it took too much";
  const failure = own(state.failing, name);
  return failure ? `osquery can't run it: ${failure.text}` : '';
}
