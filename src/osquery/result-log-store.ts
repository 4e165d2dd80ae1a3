/**
 * What osqueryd's own logger plugin `filesystem` has written: the same lines that are handed to us, one after another,
 * snapshots in a file of their own (its source, plugins/logger/filesystem_logger.cpp).
 */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

/** In `--logger_path`; with the ending `.1` the one before, where the file has been rotated. */
const FILES = [
  { name: 'osqueryd.results.log', hasSnapshots: false },
  { name: 'osqueryd.snapshots.log', hasSnapshots: true },
] as const;
const CHUNK = 1024 * 1024;
const LINE_BREAK = 0x0a;

/** The end of one of the two logs. */
export interface ResultLog {
  /** The current file. */
  readonly path: string;
  /** The results of snapshot queries go there, or those of all others. */
  readonly hasSnapshots: boolean;
  /** Whether the lines begin with the first of what is there. */
  readonly isWhole: boolean;
  /** Without their line breaks. A last one that is still being written is left out. */
  readonly lines: AsyncIterable<Buffer>;
}

/**
 * Opens what is there of the two logs, one after another.
 * @param directory `--logger_path`
 * @param maxBytes of each of them; from the end
 * @throws the system's error where a file is there and can't be read
 */
export async function* resultLogs(directory: string, maxBytes: number): AsyncGenerator<ResultLog> {
  for (const { name, hasSnapshots } of FILES) {
    const path = join(directory, name);
    const files = await openAll([`${path}.1`, path]);
    try {
      const sizes = await Promise.all(files.map(async (file) => (await file.stat()).size));
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const skipped = Math.max(0, total - maxBytes);
      yield { path, hasSnapshots, isWhole: skipped === 0, lines: linesOf(files, sizes, skipped) };
    } finally {
      for (const file of files) await file.close();
    }
  }
}

async function openAll(paths: readonly string[]): Promise<FileHandle[]> {
  const files: FileHandle[] = [];
  for (const path of paths) {
    try {
      files.push(await open(path, 'r'));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') continue;
      for (const file of files) await file.close();
      throw error;
    }
  }
  return files;
}

async function* linesOf(
  files: readonly FileHandle[],
  sizes: readonly number[],
  skipped: number,
): AsyncGenerator<Buffer> {
  // What a skip leaves of a line is none.
  let isFragment = skipped > 0;
  let started: Buffer[] = [];
  for await (const chunk of chunksOf(files, sizes, skipped)) {
    let from = 0;
    for (let to = chunk.indexOf(LINE_BREAK); to >= 0; to = chunk.indexOf(LINE_BREAK, from)) {
      const end = chunk.subarray(from, to);
      const line = started.length > 0 ? Buffer.concat([...started, end]) : end;
      started = [];
      if (!isFragment) yield line;
      isFragment = false;
      from = to + 1;
    }
    if (from < chunk.length) started.push(chunk.subarray(from));
  }
}

async function* chunksOf(
  files: readonly FileHandle[],
  sizes: readonly number[],
  skipped: number,
): AsyncGenerator<Buffer> {
  let skip = skipped;
  for (const [index, file] of files.entries()) {
    const size = sizes[index] ?? 0;
    let position = Math.min(skip, size);
    skip -= position;
    while (position < size) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK, size - position));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) break;
      position += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  }
}
