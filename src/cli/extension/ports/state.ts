import { join } from 'node:path';
import type { Recovered } from '../../../../actors/extension.machine.ts';
import { CursorStore } from '../../../delivery/cursor-store.ts';
import { JournalStore } from '../../../delivery/journal-store.ts';
import { MarkStore } from '../../../delivery/mark-store.ts';
import type { SyncPolicy } from '../../../event-log/event-log.ts';
import { EVENT_LOG_DEFAULTS, type EventLogStore, openEventLog } from '../../../event-log/event-log-store.ts';
import { LOG_FOLDER } from '../../../event-log/files.ts';
import { makeDirectory } from '../../../files/directory-store.ts';
import { reasonOf } from '../../../text/reason.ts';
import { LAYOUT } from '../../layout.ts';
import type { ExtensionContext } from '../extension-context.ts';
import { directoryAdvice } from './directory-advice.ts';

/** What lives in the state directory. */
export interface State {
  readonly directory: string;
  readonly eventLog: EventLogStore;
  readonly journal: JournalStore;
  readonly cursors: CursorStore;
  readonly marks: MarkStore;
}

/** The command line's word, else the configuration's, else the default. */
export function stateDirectory(context: ExtensionContext, flag: string | undefined): string {
  return flag ?? (context.settings().stateDirectory || LAYOUT.state);
}

/** Opens everything, the event log first: its lock is the state directory's. */
export async function openState(context: ExtensionContext, directory: string): Promise<State> {
  const { log, runtime } = context;
  const { problem, warnings } = await directoryAdvice(directory, process.geteuid?.());
  if (problem !== null) throw new Error(problem);
  for (const warning of warnings) log.warn({ area: 'state' }, warning);
  await makeDirectory(directory).catch((error: unknown) => {
    throw new Error(
      `the state directory ${directory} can't be created: ${reasonOf(error)}; create it, or set another state_dir`,
    );
  });
  const eventLog = await openEventLog({
    directory: join(directory, LOG_FOLDER),
    ...EVENT_LOG_DEFAULTS,
    sync: syncOf(context),
    retention: { ...EVENT_LOG_DEFAULTS.retention, age: context.settings().eventLog.age },
    now: runtime.now,
    onWarning: (problem) => log.warn({ area: 'event-log', code: problem.code }, problem.message),
  });
  try {
    const { torn, records } = eventLog.report;
    if (torn)
      log.warn({ area: 'event-log', ...torn }, 'removed an incomplete record at the end of the event log');
    log.info({ area: 'event-log', records }, `read the event log in ${directory}`);
    const cursors = await CursorStore.open({ directory: join(directory, 'delivery') });
    if (cursors.problem !== undefined) log.warn({ area: 'delivery' }, cursors.problem);
    const marks = await MarkStore.open({ directory: join(directory, 'delivery'), now: runtime.now });
    const { maxBytes, maxAge, fsync } = context.settings().journal;
    const journal = await JournalStore.open({
      directory: join(directory, 'journal'),
      now: runtime.now,
      atLeast: Math.max(0, ...[...cursors.loaded.values()].map(({ position }) => position)),
      maxBytes,
      maxAge,
      fsync,
    });
    return { directory, eventLog, journal, cursors, marks };
  } catch (error) {
    await eventLog.close();
    throw error;
  }
}

function syncOf(context: ExtensionContext): SyncPolicy {
  return context.settings().eventLog.fsync === 'always'
    ? { policy: 'always' }
    : { policy: 'interval', every: 1_000 };
}

/** What the root machine needs of it: the folded schedule, and the news of our start. */
export function recoveredFrom(context: ExtensionContext, { eventLog }: State): Omit<Recovered, 'heartbeat'> {
  return {
    schedule: eventLog.report.state,
    sequence: eventLog.seq,
    start: {
      type: 'StartExtension',
      at: context.runtime.now(),
      logId: context.runtime.uuid(),
      // A log that isn't synced before each effect may have lost names that osquery remembers.
      renewNames: syncOf(context).policy !== 'always',
      instanceId: context.instanceId,
      version: context.version,
    },
  };
}

export async function closeState({ eventLog, journal, cursors }: State): Promise<void> {
  await cursors.flush();
  await journal.close();
  await eventLog.close();
}
