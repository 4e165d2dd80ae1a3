import { own, type ScheduleState, type Subscription } from './schedule.ts';
import { suspensionOf } from './suspensions.ts';

/** Why a subscription does not run as it was asked for, in words for an operator; empty: it does. */
export function troubleOf(state: ScheduleState, { name, denylisted }: Subscription): string {
  const suspension = suspensionOf(state, name);
  if (suspension) {
    const until = new Date(suspension.until).toISOString().replace(/\.\d+Z$/, 'Z');
    return suspension.reason === 'osqueryd-died'
      ? `suspended until ${until}: osqueryd exited twice while it ran`
      : `suspended until ${until} at the latest: osqueryd exits again and again, and others are tried`;
  }
  if (denylisted) return "denylisted by osquery's watchdog for a day: it used too many resources";
  const failure = own(state.failing, name);
  return failure ? `osquery can't run it: ${failure.text}` : '';
}
