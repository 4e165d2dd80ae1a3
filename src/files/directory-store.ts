import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory that its owner alone can read, and those above it that are missing; it may be there already.
 * Rejects with the system's error. Not `mkdir` with `recursive`, which never settles below a directory that takes no
 * files (`/proc`), and says of a read-only file system that the directory is not there.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, 0o700);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path, 0o700).catch((again: unknown) => {
      // Somebody else was faster.
      if (codeOf(again) !== 'EEXIST') throw again;
    });
  }
}

/** Makes names in a directory last: a file that was created or renamed is there after a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  if (!SYNCS_DIRECTORIES) return;
  const directory = await open(path, 'r');
  await directory.sync().finally(() => directory.close());
}

/** On Windows no directory can be synced; NTFS has a journal of its names. */
export const SYNCS_DIRECTORIES = process.platform !== 'win32';

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
