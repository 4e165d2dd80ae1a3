import { open, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../files/directory-store.ts';

/** The file in a state directory that says when the registration was last confirmed; removed by a clean shutdown. */
const heartbeatFile = (directory: string): string => join(directory, 'alive');

/** When that was, in milliseconds since the epoch; undefined without a heartbeat, as after a clean shutdown. */
export async function readHeartbeat(directory: string): Promise<number | undefined> {
  try {
    return Math.round((await stat(heartbeatFile(directory))).mtimeMs);
  } catch {
    return undefined;
  }
}

/** Says that it is so now. Throws as the file system does. */
export async function writeHeartbeat(directory: string, now: number): Promise<void> {
  const path = heartbeatFile(directory);
  try {
    await utimes(path, now / 1_000, now / 1_000);
  } catch {
    const file = await open(path, 'w', 0o600);
    await file.sync().finally(() => file.close());
    await utimes(path, now / 1_000, now / 1_000);
    // A file whose entry is lost with the power would make the end look orderly.
    await syncDirectory(dirname(path));
  }
}

export async function removeHeartbeat(directory: string): Promise<void> {
  await rm(heartbeatFile(directory), { force: true });
}
