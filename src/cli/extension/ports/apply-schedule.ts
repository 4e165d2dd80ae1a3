import { fromPromise } from 'xstate';
import { configUpdate, withNonce } from '../../../osquery/config-plugin.ts';
import type { ManagerClient } from '../../../osquery/manager-client.ts';
import type { ScheduleWatch } from '../../../osquery/schedule-watch.ts';
import { render } from '../../../schedule/render.ts';
import type { ScheduleState } from '../../../schedule/schedule.ts';
import type { ExtensionContext } from '../extension-context.ts';

/** Our schedule as the text that osquery takes as a source of its configuration. */
export function scheduleText(state: ScheduleState): string {
  return JSON.stringify(render(state));
}

export interface ScheduleParts {
  readonly client: ManagerClient;
  /** Is told what osquery has taken. */
  readonly watch: ScheduleWatch;
  readonly schedule: () => ScheduleState;
}

/**
 * The port `applySchedule`: gives osquery the whole schedule and reads it back. A text that differs each time,
 * because osquery takes one that it has seen for unchanged even where it has dropped what was in it.
 */
export function applySchedulePort(context: ExtensionContext, { client, watch, schedule }: ScheduleParts) {
  let last: Promise<unknown> = Promise.resolve();
  return fromPromise<{ readonly entries: number }, { readonly hash: string }>(async () => {
    const before = last;
    const applying = before.catch(() => {}).then(() => apply(context, client, watch, schedule()));
    last = applying;
    return applying;
  });
}

async function apply(
  context: ExtensionContext,
  client: ManagerClient,
  watch: ScheduleWatch,
  state: ScheduleState,
): Promise<{ readonly entries: number }> {
  const names = Object.keys(render(state).schedule);
  const text = withNonce(scheduleText(state), context.runtime.uuid());
  const { status } = await client.call('config', 'update', configUpdate(text));
  if (status.code !== 0) throw new Error(`osquery refused the schedule: ${status.message}`);
  const present = new Set(
    (await client.query('SELECT name FROM osquery_schedule')).map((row) => row['name']),
  );
  const missing = names.filter((name) => !present.has(name));
  if (missing.length > 0) {
    throw new Error(
      `osquery took the schedule without ${missing.length} of its queries: ${missing.slice(0, 5).join(', ')}`,
    );
  }
  watch.taken(names);
  context.log.info({ area: 'schedule', entries: names.length }, 'osquery runs the schedule');
  return { entries: names.length };
}
