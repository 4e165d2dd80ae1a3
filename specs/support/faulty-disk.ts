import type { Disk, DiskFile } from '../../src/event-log/disk-store.ts';

/** The steps at which a disk can fail, or a process can die. */
export type DiskStep = 'open' | 'write' | 'half-write' | 'sync' | 'truncate' | 'rename' | 'remove';

/** Asked before each step; throws what the disk is to throw, or kills. */
export type OnStep = (step: DiskStep, path: string) => void;

/** A disk on which each step can be made to fail; a `half-write` comes when half of the bytes are written. */
export function faultyDisk(disk: Disk, onStep: OnStep): Disk {
  return {
    ...disk,
    open: async (path, flags, mode) => {
      if (flags !== 'r') onStep('open', path);
      return faultyFile(await disk.open(path, flags, mode), path, onStep);
    },
    makeDirectory: async (path) => {
      onStep('open', path);
      await disk.makeDirectory(path);
    },
    rename: async (from, to) => {
      onStep('rename', to);
      await disk.rename(from, to);
    },
    remove: async (path) => {
      onStep('remove', path);
      await disk.remove(path);
    },
  };
}

function faultyFile(file: DiskFile, path: string, onStep: OnStep): DiskFile {
  return {
    ...file,
    write: async (bytes, position) => {
      onStep('write', path);
      if (bytes.length < 2) return file.write(bytes, position);
      const half = bytes.length >> 1;
      await file.write(bytes.subarray(0, half), position);
      onStep('half-write', path);
      return half + (await file.write(bytes.subarray(half), position + half));
    },
    sync: async () => {
      onStep('sync', path);
      await file.sync();
    },
    truncate: async (length) => {
      onStep('truncate', path);
      await file.truncate(length);
    },
  };
}

/** An error as the operating system gives it. */
export function systemErrorOf(code: string): Error {
  return Object.assign(new Error(`${code}: made up`), { code });
}
