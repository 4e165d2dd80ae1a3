import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeText } from '../text/byte-text.ts';
import { parseStatusFile, type StatusFile, statusFiles } from './status-file.ts';
import type { StatusLine } from './status-log.ts';

/** Reads osqueryd's own log in `--logger_path`. */

/** Bytes of a file that are read at a time; glog begins another one after 10 MB. */
const MOST_BYTES = 1024 * 1024;
const LINE_BREAK = 0x0a;

/** What one osqueryd process has said, the end of it where that is long. */
export interface ProcessLog {
  readonly pid: number;
  readonly lines: readonly StatusLine[];
}

/**
 * The warnings and errors of the latest processes, oldest first. Throws the system's error where the directory or a
 * file is there and can't be read.
 * @param most so many processes
 */
export async function latestProcessLogs(directory: string, most: number): Promise<ProcessLog[]> {
  const files = (await filesIn(directory)).filter(({ severity }) => severity === 'warning');
  const pids = [...new Set(files.map(({ pid }) => pid).reverse())].slice(0, most).reverse();
  const logs: ProcessLog[] = [];
  for (const pid of pids) {
    const lines: StatusLine[] = [];
    for (const file of files.filter((one) => one.pid === pid)) {
      lines.push(...(await readFrom(directory, file, 'end')).lines);
    }
    logs.push({ pid, lines });
  }
  return logs;
}

/** What is new in osqueryd's log since the last look, from its present end on. */
export class StatusFileFollower {
  /** Bytes that have been read, by name. */
  #read: Map<string, number> | undefined;

  /** Lines that have been written since the last look, in each file's order. Throws the system's error. */
  async look(directory: string): Promise<StatusLine[]> {
    const files = followed(await filesIn(directory));
    const known = this.#read;
    const read = new Map<string, number>();
    const lines: StatusLine[] = [];
    for (const file of files) {
      const from = known ? (known.get(file.name) ?? 0) : 'end-of-file';
      const found = await readFrom(directory, file, from);
      read.set(file.name, found.end);
      if (known) lines.push(...found.lines);
    }
    this.#read = read;
    return lines;
  }
}

/** Each line is in the file of its severity and in those below: one severity, the lowest that is kept, has them all. */
function followed(files: readonly StatusFile[]): readonly StatusFile[] {
  const severity = (['info', 'warning', 'error'] as const).find((one) =>
    files.some((file) => file.severity === one),
  );
  return files.filter((file) => file.severity === severity);
}

async function filesIn(directory: string): Promise<StatusFile[]> {
  try {
    return statusFiles(await readdir(directory));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** @param from bytes to begin at; `end`: so that the last of it is read; `end-of-file`: nothing is */
async function readFrom(
  directory: string,
  file: StatusFile,
  from: number | 'end' | 'end-of-file',
): Promise<{ readonly lines: readonly StatusLine[]; readonly end: number }> {
  const handle = await open(join(directory, file.name), 'r');
  try {
    const { size } = await handle.stat();
    if (from === 'end-of-file') return { lines: [], end: size };
    const wanted = from === 'end' ? 0 : from;
    const start = Math.max(wanted, size - MOST_BYTES);
    const bytes = Buffer.alloc(Math.max(0, size - start));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
    // A skip begins in the middle of a line, and the last line may still be being written.
    const first = start === wanted ? 0 : bytes.indexOf(LINE_BREAK) + 1;
    const last = bytes.lastIndexOf(LINE_BREAK, bytesRead - 1) + 1;
    if (last <= first) return { lines: [], end: start };
    const text = decodeText(bytes.subarray(first, last));
    return { lines: parseStatusFile(text, file), end: start + last };
  } finally {
    await handle.close();
  }
}
