import { constants, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Disk, disk as realDisk, syncDirectory } from './disk-store.ts';
import { EventLogError } from './event-log-error.ts';
import { EVENT_LOG_DEFAULTS, openEventLog } from './event-log-store.ts';
import { type LogFile, logFiles } from './files.ts';
import { takeLock } from './lock-store.ts';
import type { LogRecord } from './record.ts';
import { listLog, scanFile } from './scan-store.ts';
import { DecisionReader } from './sequence.ts';

export interface Repair {
  /** The folder with every file as it was. */
  readonly copies: string;
  /** The files that were shortened or removed. */
  readonly changed: readonly string[];
  /** Sequence number of the last record that is kept. */
  readonly until: number;
}

/** What a repair changes. */
export interface RepairPlan {
  /** The file with the last record that is kept; `end` is the byte behind it. */
  readonly shortened: { readonly name: string; readonly end: number; readonly bytes: number };
  readonly removed: readonly { readonly name: string; readonly bytes: number }[];
}

/** What {@link repairLog} would do; it changes nothing and takes no lock. Throws `bad-sequence` as that does. */
export async function planRepair(
  directory: string,
  until: number,
  disk: Disk = realDisk,
): Promise<RepairPlan> {
  const { segments, snapshots } = logFiles(await listLog(disk, directory));
  const { segment, end } = await findEnd(disk, directory, segments, until);
  const superfluous = [
    ...segments.filter(({ seq }) => seq > segment.seq),
    ...snapshots.filter(({ seq }) => seq > until),
  ];
  const sizeOf = async (name: string) => (await disk.stat(join(directory, name))).size;
  const removed = superfluous.map(async ({ name }) => ({ name, bytes: await sizeOf(name) }));
  return {
    shortened: { name: segment.name, end, bytes: await sizeOf(segment.name) },
    removed: await Promise.all(removed),
  };
}

/**
 * Cuts a log off after a record, keeping a copy of every file that it touches. Then it begins a new log id, since
 * osquery may know names that facts gave which are gone now, and no name may come again. Throws `locked` while
 * somebody writes, `bad-sequence` where the record isn't there, is not the last of its decision, or stands behind
 * the damage. `logId` is random, `now` in milliseconds since the epoch.
 */
export async function repairLog(
  directory: string,
  until: number,
  { logId, now, disk = realDisk }: { readonly logId: string; readonly now: number; readonly disk?: Disk },
): Promise<Repair> {
  const lock = await takeLock(disk, directory, now);
  const copies = join(
    directory,
    `before-repair-${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`,
  );
  const changed: string[] = [];
  try {
    const { shortened, removed } = await planRepair(directory, until, disk);
    await disk.makeDirectory(copies);
    for (const { name } of [shortened, ...removed]) {
      await copyFile(join(directory, name), join(copies, name), constants.COPYFILE_EXCL);
      changed.push(name);
    }
    await syncDirectory(disk, copies);
    for (const { name } of removed) await disk.remove(join(directory, name));
    const file = await disk.open(join(directory, shortened.name), 'r+');
    await file.truncate(shortened.end).finally(() => file.close());
  } finally {
    await lock.release();
  }
  await beginAnew(directory, until, logId, now);
  return { copies, changed, until };
}

/** The segment and byte where the record ends. */
async function findEnd(
  disk: Disk,
  directory: string,
  segments: readonly LogFile[],
  until: number,
): Promise<{ readonly segment: LogFile; readonly end: number }> {
  const segment = segments.findLast(({ seq }) => seq <= until);
  if (!segment) {
    throw new EventLogError('bad-sequence', `there is no record ${until} in ${directory}`);
  }
  const path = join(directory, segment.name);
  const decisions = new DecisionReader(segment.seq);
  let last = segment.seq - 1;
  for await (const scanned of scanFile(disk, path)) {
    for (const { record, start, end } of scanned) {
      const decision = decisions.take(record, { file: path, offset: start });
      if (record.seq === until && !decision) throw insideDecision(record);
      if (record.seq === until) return { segment, end };
      last = record.seq;
    }
  }
  throw new EventLogError('bad-sequence', `there is no record ${until}: the last one is ${last}`);
}

function insideDecision({ seq, rest }: LogRecord): EventLogError {
  return new EventLogError(
    'bad-sequence',
    `record ${seq} is not the last of its decision, and decisions are kept as a whole; keep up to ${seq + rest}`,
  );
}

async function beginAnew(directory: string, until: number, logId: string, now: number): Promise<void> {
  const log = await openEventLog({
    ...EVENT_LOG_DEFAULTS,
    directory,
    now: () => now,
    onWarning: (problem) => {
      throw problem;
    },
  });
  const reason = `repaired: records after ${until} were removed`;
  try {
    await log.append(log.seq, [{ type: 'LogStarted', at: now, cause: null, data: { logId, reason } }]);
  } finally {
    await log.close();
  }
}
