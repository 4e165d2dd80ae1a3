import { type FileHandle, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectory, SYNCS_DIRECTORIES } from '../files/directory-store.ts';

/** What the log needs of the file system; specs put one in between that fails or dies at chosen moments. */
export interface Disk {
  readonly open: (path: string, flags: string, mode?: number) => Promise<DiskFile>;
  readonly list: (directory: string) => Promise<string[]>;
  readonly readText: (path: string) => Promise<string>;
  /** Size in bytes and time of the last change in milliseconds since the epoch. */
  readonly stat: (path: string) => Promise<{ readonly size: number; readonly changedAt: number }>;
  readonly makeDirectory: (path: string) => Promise<void>;
  readonly rename: (from: string, to: string) => Promise<void>;
  readonly remove: (path: string) => Promise<void>;
}

/** An open file. `write` may write less than it was given, as a full disk makes it do. */
export interface DiskFile {
  readonly read: (into: Buffer, position: number) => Promise<number>;
  readonly write: (bytes: Buffer, position: number) => Promise<number>;
  readonly sync: () => Promise<void>;
  readonly truncate: (length: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The disk of this machine. */
export const disk: Disk = {
  open: async (path, flags, mode = 0o600) => diskFile(await open(path, flags, mode)),
  list: (directory) => readdir(directory),
  readText: (path) => readFile(path, 'utf8'),
  stat: async (path) => {
    const { size, mtimeMs } = await stat(path);
    return { size, changedAt: mtimeMs };
  },
  makeDirectory,
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
};

function diskFile(handle: FileHandle): DiskFile {
  return {
    read: async (into, position) => (await handle.read(into, 0, into.length, position)).bytesRead,
    write: async (bytes, position) => (await handle.write(bytes, 0, bytes.length, position)).bytesWritten,
    // Data and the length of the file; times of access and change may come later.
    sync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    close: () => handle.close(),
  };
}

/** Writes all bytes at the position; the error of the first write that fails. */
export async function writeAll(file: DiskFile, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += await file.write(bytes.subarray(done), position + done);
  }
}

/** Makes names in a directory last: a file that was created or renamed is there after a power cut. */
export async function syncDirectory(disk: Disk, directory: string): Promise<void> {
  if (!SYNCS_DIRECTORIES) return;
  const handle = await disk.open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Puts a file there as a whole or not at all, whatever dies in between. */
export async function writeWhole(disk: Disk, path: string, text: string): Promise<void> {
  const unfinished = `${path}.tmp`;
  const file = await disk.open(unfinished, 'w');
  try {
    await writeAll(file, Buffer.from(text, 'utf8'), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(unfinished, path);
  await syncDirectory(disk, dirname(path));
}
