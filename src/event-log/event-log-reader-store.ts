import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { initialState } from '../schedule/schedule.ts';
import { type Disk, disk as realDisk } from './disk-store.ts';
import { atPlace, EventLogError, fromSystem, systemError } from './event-log-error.ts';
import { LOG_FOLDER, type LogFile, logFiles, snapshotName } from './files.ts';
import type { LogRecord } from './record.ts';
import { listLog, scanFile, scanStream } from './scan-store.ts';
import { DecisionReader } from './sequence.ts';
import { parseSnapshot, type Snapshot } from './snapshot.ts';

/** A log that is read, beside whoever writes it or as a copy: no lock, nothing is changed. */
export interface LogReading {
  /** Where the records come from, for people. */
  readonly name: string;
  /**
   * The state before the first record; null where that is not known, since earlier records are gone and no
   * snapshot tells what they said.
   */
  readonly base: Snapshot | null;
  /** Records in order, whole decisions only. Throws an `EventLogError` at what is damaged. */
  readonly records: AsyncIterable<LogRecord>;
  /** Bytes read so far and bytes there are, as far as known. */
  readonly progress: () => { readonly read: number; readonly total: number | null };
  /** After the last record: what stands at the end without being a whole decision, for people; null if nothing. */
  readonly unfinished: () => string | null;
}

export interface ReadingOptions {
  /** Go on with what is written from now on, until the signal. Of directories alone. */
  readonly follow?: AbortSignal;
  /** Milliseconds between looks at a log that is followed. */
  readonly pollEvery?: number;
  /** What `-` stands for. */
  readonly stdin?: AsyncIterable<Buffer>;
  readonly disk?: Disk;
}

/**
 * Opens a log to read: a state directory, the log's own directory, one segment, or `-` for a stream. Throws
 * `not-found` where there is none.
 */
export async function readLog(path: string, options: ReadingOptions = {}): Promise<LogReading> {
  if (path === '-' && options.stdin) return readStream(options.stdin);
  const disk = options.disk ?? realDisk;
  const names = await disk.list(path).catch((error: unknown) => {
    // A file, then: there is something, but no directory.
    if (systemError(error).code === 'ENOTDIR') return null;
    throw fromSystem(error, `read ${path}`);
  });
  if (names === null) return readSegment(disk, path);
  const directory = names.includes(LOG_FOLDER) ? join(path, LOG_FOLDER) : path;
  const { segments } = logFiles(await listLog(disk, directory));
  if (segments.length === 0 && !(options.follow && directory !== path)) {
    throw new EventLogError(
      'not-found',
      `there is no event log in ${path}: neither segments nor ${LOG_FOLDER}/`,
    );
  }
  return readDirectory(disk, directory, segments, options);
}

async function readDirectory(
  disk: Disk,
  directory: string,
  segments: readonly LogFile[],
  options: ReadingOptions,
): Promise<LogReading> {
  const first = segments[0]?.seq ?? 1;
  const tally = new Tally();
  for (const { name } of segments) tally.total += (await disk.stat(join(directory, name))).size;
  return {
    name: directory,
    base: await baseBefore(disk, directory, first),
    records: walkDirectory(disk, directory, first, tally, options),
    progress: () => tally,
    unfinished: () => tally.unfinished,
  };
}

class Tally {
  read = 0;
  total = 0;
  unfinished: string | null = null;
}

/** The state before a record: known at the very beginning, and where a good snapshot ends right before it. */
async function baseBefore(disk: Disk, directory: string, first: number): Promise<Snapshot | null> {
  if (first === 1) return { seq: 0, state: initialState() };
  const path = join(directory, snapshotName(first - 1));
  try {
    return parseSnapshot(await disk.readText(path));
  } catch (error) {
    const problem = fromSystem(error, `read ${path}`);
    if (problem.code === 'not-found' || problem.code === 'bad-snapshot') return null;
    throw atPlace(problem, { file: path, offset: 0 });
  }
}

async function* walkDirectory(
  disk: Disk,
  directory: string,
  first: number,
  tally: Tally,
  { follow, pollEvery = 200 }: ReadingOptions,
): AsyncGenerator<LogRecord> {
  const decisions = new DecisionReader(first);
  let offset = 0;
  for (let segment: LogFile | undefined; ; ) {
    // Whether another segment follows is asked before this one is read to its end: then it has all its records.
    const { segments } = logFiles(await listLog(disk, directory));
    segment ??= segments[0];
    const following = segments.find(({ seq }) => segment && seq > segment.seq);
    if (segment) {
      const path = join(directory, segment.name);
      const { size } = await disk.stat(path).catch((error: unknown) => {
        throw fromSystem(error, `read ${path}`);
      });
      if (size < offset) throw rewritten(path);
      for await (const { decision, end } of decisionsOf(disk, path, offset, decisions)) {
        yield* decision;
        tally.read += end - offset;
        offset = end;
      }
      tally.unfinished = size > offset ? `${size - offset} bytes at the end of ${path}` : null;
    }
    if (following) {
      if (decisions.isInside)
        throw new EventLogError('bad-sequence', `${segment?.name} ends with an incomplete decision`);
      segment = following;
      offset = 0;
      continue;
    }
    if (!follow || follow.aborted) return;
    decisions.restart();
    await sleep(pollEvery, undefined, { signal: follow }).catch(() => undefined);
  }
}

async function* decisionsOf(
  disk: Disk,
  path: string,
  from: number,
  decisions: DecisionReader,
): AsyncGenerator<{ readonly decision: readonly LogRecord[]; readonly end: number }> {
  for await (const scanned of scanFile(disk, path, from)) {
    for (const { record, start, end } of scanned) {
      const decision = decisions.take(record, { file: path, offset: start });
      if (decision) yield { decision, end };
    }
  }
}

function rewritten(path: string): EventLogError {
  return new EventLogError(
    'rewritten',
    `${path} is shorter than before: its writer removed an incomplete write, or it was repaired; read it again`,
  );
}

/** One segment, wherever it was copied to, under whatever name; a snapshot beside it tells what was before. */
async function readSegment(disk: Disk, path: string): Promise<LogReading> {
  const tally = new Tally();
  tally.total = (await disk.stat(path)).size;
  const named = logFiles([basename(path)]).segments[0]?.seq ?? null;
  const first = named ?? (await firstRecord(disk, path));
  const records = async function* (): AsyncGenerator<LogRecord> {
    let offset = 0;
    for await (const { decision, end } of decisionsOf(disk, path, 0, new DecisionReader(named))) {
      yield* decision;
      tally.read += end - offset;
      offset = end;
    }
    tally.unfinished = tally.total > offset ? `${tally.total - offset} bytes at the end of ${path}` : null;
  };
  return {
    name: path,
    base: first === null ? null : await baseBefore(disk, dirname(path), first),
    records: records(),
    progress: () => tally,
    unfinished: () => tally.unfinished,
  };
}

/** The number of a file's first record; null where it has none that is whole. Throws where it is no log. */
async function firstRecord(disk: Disk, path: string): Promise<number | null> {
  for await (const { decision } of decisionsOf(disk, path, 0, new DecisionReader(null))) {
    return decision[0]?.seq ?? null;
  }
  return null;
}

/** What comes in on a stream: the log from its beginning, or one segment of it, whose first record says which. */
async function readStream(chunks: AsyncIterable<Buffer>): Promise<LogReading> {
  const decisions = new DecisionReader(null);
  const name = 'standard input';
  const source = decisionsOfStream(chunks, name, decisions);
  const first = await source.next();
  const records = async function* (): AsyncGenerator<LogRecord> {
    if (first.done) return;
    yield* first.value;
    for await (const decision of source) yield* decision;
  };
  const isFromTheStart = first.done === true || first.value[0]?.seq === 1;
  return {
    name,
    base: isFromTheStart ? { seq: 0, state: initialState() } : null,
    records: records(),
    progress: () => ({ read: 0, total: null }),
    unfinished: () => (decisions.isInside ? 'the last decision is not complete' : null),
  };
}

async function* decisionsOfStream(
  chunks: AsyncIterable<Buffer>,
  name: string,
  decisions: DecisionReader,
): AsyncGenerator<readonly LogRecord[]> {
  for await (const scanned of scanStream(chunks, name)) {
    for (const { record, start } of scanned) {
      const decision = decisions.take(record, { file: name, offset: start });
      if (decision) yield decision;
    }
  }
}
