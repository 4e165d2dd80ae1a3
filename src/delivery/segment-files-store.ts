import { type FileHandle, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { SegmentReader, type StoredSegment } from './journal-reader-store.ts';

/** The files of a journal: one a segment, named after the number of its first entry. */

const NAME = /^journal-(\d{16})\.log$/;
/** Up to so many bytes, or from so many buffers on, copying them together costs less than writing them apart. */
const SMALL = 64 * 1024;
const MANY = 256;

export function segmentPath(directory: string, first: number): string {
  return join(directory, `journal-${String(first).padStart(16, '0')}.log`);
}

/** Writes all buffers at the position, `size` bytes in all, or rejects. */
export async function writeAll(
  handle: FileHandle,
  buffers: readonly Uint8Array[],
  size: number,
  position: number,
): Promise<void> {
  const whole = size <= SMALL || buffers.length > MANY ? Buffer.concat(buffers, size) : undefined;
  let written = whole
    ? (await handle.write(whole, 0, size, position)).bytesWritten
    : (await handle.writev(buffers, position)).bytesWritten;
  while (written < size) {
    const rest = (whole ?? Buffer.concat(buffers, size)).subarray(written);
    const { bytesWritten } = await handle.write(rest, 0, rest.length, position + written);
    if (bytesWritten === 0) throw new Error('short write');
    written += bytesWritten;
  }
}

/** Has the disk take the names of new files. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  await handle.sync().catch(() => {});
  await handle.close();
}

/** The segments that lie there; the newest one is read through and cut behind its last whole entry. */
export async function recoverSegments(directory: string): Promise<StoredSegment[]> {
  const names = (await readdir(directory)).filter((name) => NAME.test(name)).sort();
  const segments: StoredSegment[] = [];
  for (const [index, name] of names.entries()) {
    const path = join(directory, name);
    const first = Number(NAME.exec(name)?.[1]);
    const { size, mtimeMs } = await stat(path);
    const following = names[index + 1];
    const segment = { path, first, next: first, bytes: size, newestAt: mtimeMs };
    if (following) segment.next = Number(NAME.exec(following)?.[1]);
    else await cutTail(segment);
    if (segment.bytes > 0) segments.push(segment);
    else await rm(path, { force: true });
  }
  return segments;
}

/** The segments on disk, oldest first, for reading only: nothing is opened, truncated or removed. */
export async function storedSegments(directory: string): Promise<readonly StoredSegment[]> {
  const names = (await readdir(directory)).filter((name) => NAME.test(name)).sort();
  const firsts = names.map((name) => Number(NAME.exec(name)?.[1]));
  return Promise.all(
    names.map(async (name, index) => {
      const path = join(directory, name);
      // One that is trimmed meanwhile has nothing any more.
      const found = await stat(path).catch(() => undefined);
      return {
        path,
        first: firsts[index] ?? 0,
        next: firsts[index + 1] ?? Number.POSITIVE_INFINITY,
        bytes: found?.size ?? 0,
        newestAt: found?.mtimeMs ?? 0,
      };
    }),
  );
}

async function cutTail(segment: StoredSegment): Promise<void> {
  const size = segment.bytes;
  const reader = new SegmentReader([segment]);
  const whole = await reader.lastWhole();
  await reader.close();
  segment.next = whole.next;
  segment.bytes = whole.bytes;
  if (whole.bytes < size) await truncate(segment.path, whole.bytes);
}
