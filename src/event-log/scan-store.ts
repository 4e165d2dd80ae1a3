import type { Disk } from './disk-store.ts';
import { atPlace, EventLogError, fromSystem, systemError } from './event-log-error.ts';
import { type Line, LineSplitter } from './line-splitter.ts';
import { type LogRecord, MAX_RECORD_BYTES, parseRecord } from './record.ts';

/** A record, with the bytes of its file that it takes, its line end included. */
export interface Scanned {
  readonly record: LogRecord;
  readonly start: number;
  readonly end: number;
}

const CHUNK_BYTES = 256 * 1024;

/**
 * The records of a file from a byte on, a chunk of the file at a time. Ends at the file's end or where the last
 * line is not complete. Throws at the first line that is no record, with its place, once all before it are out.
 */
export async function* scanFile(disk: Disk, path: string, from = 0): AsyncGenerator<Scanned[]> {
  yield* scanChunks(chunksOf(disk, path, from), path, from);
}

/** The records of a stream, such as standard input; `name` stands for the file in errors. */
export async function* scanStream(chunks: AsyncIterable<Buffer>, name: string): AsyncGenerator<Scanned[]> {
  yield* scanChunks(chunks, name, 0);
}

async function* scanChunks(
  chunks: AsyncIterable<Buffer>,
  file: string,
  from: number,
): AsyncGenerator<Scanned[]> {
  const splitter = new LineSplitter(MAX_RECORD_BYTES, from);
  for await (const chunk of chunks) {
    const { scanned, problem } = scanChunk(splitter, chunk, file);
    if (scanned.length > 0) yield scanned;
    if (problem) throw problem;
  }
}

/** What a chunk completes, up to the first line that is no record. */
function scanChunk(
  splitter: LineSplitter,
  chunk: Buffer,
  file: string,
): { readonly scanned: Scanned[]; readonly problem: EventLogError | null } {
  const scanned: Scanned[] = [];
  let start = splitter.offset;
  try {
    for (const line of splitter.push(chunk)) {
      start = line.offset;
      const end = start + line.bytes.length + 1;
      scanned.push({ record: parseRecord(line.bytes), start, end });
      start = end;
    }
  } catch (error) {
    if (!(error instanceof EventLogError)) throw error;
    return { scanned, problem: atPlace(error, { file, offset: start }) };
  }
  return { scanned, problem: null };
}

/** Whether a whole record starts anywhere in the file after that byte: then what is bad there is no torn end. */
export async function hasRecordAfter(disk: Disk, path: string, offset: number): Promise<boolean> {
  const splitter = new LineSplitter(MAX_RECORD_BYTES, offset);
  try {
    for await (const chunk of chunksOf(disk, path, offset)) {
      for (const line of splitter.push(chunk)) {
        if (isRecord(line)) return true;
      }
    }
  } catch (error) {
    if (error instanceof EventLogError && error.code === 'record-too-long') return false;
    throw error;
  }
  return false;
}

function isRecord(line: Line): boolean {
  try {
    parseRecord(line.bytes);
    return true;
  } catch {
    return false;
  }
}

async function* chunksOf(disk: Disk, path: string, from: number): AsyncGenerator<Buffer> {
  const file = await disk.open(path, 'r').catch((error: unknown) => {
    throw fromSystem(error, `read ${path}`);
  });
  try {
    for (let position = from; ; ) {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      const length = await file.read(buffer, position);
      if (length === 0) return;
      yield buffer.subarray(0, length);
      position += length;
    }
  } finally {
    await file.close();
  }
}

/** The files of a directory; none if there is no such directory. */
export async function listLog(disk: Disk, directory: string): Promise<string[]> {
  try {
    return await disk.list(directory);
  } catch (error) {
    if (systemError(error).code === 'ENOENT') return [];
    throw fromSystem(error, `list ${directory}`);
  }
}
