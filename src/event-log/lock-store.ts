import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Disk, writeAll } from './disk-store.ts';
import { EventLogError } from './event-log-error.ts';
import { LOCK_FILE, WRITER_FILE } from './files.ts';

/** A lock that is held. */
export interface Lock {
  readonly release: () => Promise<void>;
}

/** SQLite's result codes: https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;

/**
 * Takes the lock of a log's directory, which is made if need be. It is the operating system's own, taken the way
 * SQLite takes it on a database (which stays empty), so that it goes with the process that holds it however that
 * ends, and no stale lock is ever left to be judged. Nothing else may open that file: closing it anywhere in
 * this process would give the lock away (POSIX). Throws `locked`, naming the writer, and whatever else keeps the
 * disk from being written. `now` in milliseconds since the epoch.
 */
export async function takeLock(disk: Disk, directory: string, now: number): Promise<Lock> {
  await disk.makeDirectory(directory);
  const database = await openDatabase(disk, directory);
  const writer = join(directory, WRITER_FILE);
  try {
    await nameWriter(disk, writer, now);
  } catch (error) {
    database.close();
    throw error;
  }
  return {
    release: async () => {
      // Who finds it there finds the lock free all the same.
      await disk.remove(writer).catch(() => undefined);
      database.close();
    },
  };
}

/** Not synced: it is for people, and only as long as this process lives. */
async function nameWriter(disk: Disk, path: string, now: number): Promise<void> {
  const file = await disk.open(path, 'w', 0o644);
  try {
    const since = new Date(now).toISOString();
    await writeAll(file, Buffer.from(`${JSON.stringify({ pid: process.pid, since })}\n`), 0);
  } finally {
    await file.close();
  }
}

/** SQLite doesn't say why it can't open the lock's file; opening another one there does. */
async function openDatabase(disk: Disk, directory: string): Promise<DatabaseSync> {
  try {
    return lockDatabase(directory);
  } catch (error) {
    if (error instanceof EventLogError) throw error;
    const probe = join(directory, 'probe.tmp');
    await (await disk.open(probe, 'w')).close();
    await disk.remove(probe);
    throw error;
  }
}

function lockDatabase(directory: string): DatabaseSync {
  const database = new DatabaseSync(join(directory, LOCK_FILE), { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if (!(error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY)) throw error;
    throw new EventLogError(
      'locked',
      `the event log in ${directory} is in use by ${writerOf(directory)}; stop that one first`,
      null,
      error,
    );
  }
}

/** Who says that it writes this log, for people. */
function writerOf(directory: string): string {
  try {
    const { pid, since }: { pid?: unknown; since?: unknown } = JSON.parse(
      readFileSync(join(directory, WRITER_FILE), 'utf8'),
    );
    return `process ${pid} since ${since}`;
  } catch {
    return 'another process';
  }
}
