import { fromPromise } from 'xstate';
import type { Applied } from '../../../../actors/osquery-core.machine.ts';
import { configUpdate, withNonce } from '../../../osquery/config-plugin.ts';
import type { ManagerClient } from '../../../osquery/manager-client.ts';
import type { ScheduleWatch } from '../../../osquery/schedule-watch.ts';
import type { RenderedSchedule } from '../../../schedule/render.ts';
import type { ExtensionContext } from '../extension-context.ts';

export interface ScheduleParts {
  readonly client: Pick<ManagerClient, 'call' | 'query'>;
  /** Is told what osquery has taken. */
  readonly watch: Pick<ScheduleWatch, 'taken'>;
}

/**
 * The port `applySchedule`: gives osquery the schedule that it is given, and reads it back; one after the other. A text
 * that differs each time, because osquery takes one that it has seen for unchanged even where it has dropped what was
 * in it.
 */
export function applySchedulePort(context: Pick<ExtensionContext, 'log' | 'runtime'>, parts: ScheduleParts) {
  let last: Promise<unknown> = Promise.resolve();
  return fromPromise<Applied, RenderedSchedule>(async ({ input }) => {
    const applying = last.catch(() => {}).then(() => apply(context, parts, input));
    last = applying;
    return applying;
  });
}

async function apply(
  context: Pick<ExtensionContext, 'log' | 'runtime'>,
  { client, watch }: ScheduleParts,
  { hash, config }: RenderedSchedule,
): Promise<Applied> {
  const names = Object.keys(config.schedule);
  const text = withNonce(JSON.stringify(config), context.runtime.uuid());
  const { status } = await client.call('config', 'update', configUpdate(text));
  if (status.code !== 0) throw new Error(`osquery refused the schedule: ${status.message}`);
  const present = new Set(
    (await client.query('SELECT name FROM osquery_schedule')).map((row) => row['name']),
  );
  const missing = names.filter((name) => !present.has(name));
  if (missing.length > 0) {
    throw new Error(
      `osquery applied the schedule without ${missing.length} of its queries: ${missing.slice(0, 5).join(', ')}`,
    );
  }
  watch.taken(names);
  context.log.info({ area: 'schedule', entries: names.length }, 'osquery applied the schedule');
  return { hash, entries: names.length };
}
