import type { WatchEvent } from '../../../../actors/osquery-core.machine.ts';
import { systemClock } from '../../../broker/system-clock.ts';
import { RefreshCycle } from '../../../config/refresh-cycle.ts';
import type { ManagerClient } from '../../../osquery/manager-client.ts';
import type { Standing } from '../../../osquery/registration-client.ts';
import type { ScheduleWatch } from '../../../osquery/schedule-watch.ts';
import { reasonOf } from '../../../text/reason.ts';
import type { Host } from '../../../vocabulary/model.ts';
import type { ExtensionContext } from '../extension-context.ts';
import type { Reading } from './read-config.ts';

export interface OsqueryWatchParts {
  readonly client: Pick<ManagerClient, 'watch'>;
  /** Whether osqueryd still knows us. */
  readonly standing: () => Promise<Standing>;
  /** Milliseconds between two looks at the manager. */
  readonly interval: number;
  readonly schedule: Pick<ScheduleWatch, 'look'>;
  readonly readConfig: () => Promise<Reading>;
  readonly describeHost: () => Promise<Host>;
  /** Called at each look that finds us known. */
  readonly onSeen: () => void;
  /**
   * Called once; after it nothing more is told.
   * @param isGone whether osqueryd itself is, or lives and has forgotten us
   */
  readonly onLost: (reason: string, isGone: boolean) => void;
  /** Called with when osquery last ran its queries: milliseconds since the epoch, by name. */
  readonly onRuns: (runs: ReadonlyMap<string, number>) => void;
  readonly send: (event: Exclude<WatchEvent, { readonly type: 'watch.lost' | 'watch.shutdown' }>) => void;
}

export interface OsqueryWatch {
  /** Reads configuration and host again now. */
  readonly refresh: () => void;
  /** After that nothing more is told. */
  readonly stop: () => void;
}

/** Milliseconds between two questions for the columns of all queries. */
const COLUMNS_INTERVAL = 600_000;
/** Milliseconds between two looks at osquery's schedule. */
const SCHEDULE_INTERVAL = 30_000;

/** Looks, while osqueryd knows us, whether it still does, and what has changed: configuration, host and schedule. */
export function watchOsquery(
  context: Pick<ExtensionContext, 'log' | 'bus'>,
  parts: OsqueryWatchParts,
): OsqueryWatch {
  const { client, send } = parts;
  const { log, bus } = context;
  let ended = false;
  let lastHost = '';
  const lost = (reason: string, isGone: boolean) => {
    if (ended) return;
    ended = true;
    parts.onLost(reason, isGone);
  };
  const look = async () => {
    const standing = await parts.standing();
    if (standing.is !== 'registered') lost(standing.reason, standing.is === 'gone');
    else if (!ended) parts.onSeen();
  };
  const describe = async () => {
    try {
      const host = await parts.describeHost();
      // Uptime is news each second and nobody's.
      const text = JSON.stringify({ ...host, uptime: 0 });
      if (ended || text === lastHost) return;
      lastHost = text;
      send({ type: 'watch.host', host });
    } catch (error) {
      log.warn({ area: 'osquery' }, `can't describe the host: ${reasonOf(error)}`);
    }
  };
  const configure = async () => {
    const { result, isNews, isGood } = await parts.readConfig();
    if (!ended && isNews) send({ type: 'watch.configured', result });
    return isGood;
  };
  const lookAtSchedule = async () => {
    try {
      const { missing, changed, runs } = await parts.schedule.look();
      if (ended) return;
      parts.onRuns(runs);
      for (const { name, denylisted } of changed)
        bus.publish({ type: 'osquery.denylisted', name, denylisted });
      if (missing.length === 0) return;
      log.warn(
        { area: 'schedule', missing: missing.length },
        'osquery lost queries of its schedule; applying it again',
      );
      send({ type: 'watch.schedule-missing' });
    } catch (error) {
      log.debug({ area: 'schedule' }, `can't read osquery's schedule: ${reasonOf(error)}`);
    }
  };
  const stopWatching = client.watch((why) => lost(`lost the connection to osqueryd: ${why.message}`, true));
  const looks = setInterval(() => void look(), parts.interval);
  const columnLooks = setInterval(() => bus.publish({ type: 'osquery.columns-due' }), COLUMNS_INTERVAL);
  const scheduleLooks = setInterval(() => void lookAtSchedule(), SCHEDULE_INTERVAL);
  const refreshes = new RefreshCycle(systemClock, async () => {
    const isGood = await configure();
    await describe();
    return isGood;
  });
  refreshes.refresh();
  return {
    refresh: () => refreshes.refresh(),
    stop() {
      ended = true;
      clearInterval(looks);
      clearInterval(columnLooks);
      clearInterval(scheduleLooks);
      refreshes.stop();
      stopWatching();
    },
  };
}
