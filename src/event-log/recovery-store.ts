import { join } from 'node:path';
import type { ScheduleEvent } from '../schedule/events.ts';
import { fold } from '../schedule/evolve.ts';
import { initialState, type ScheduleState } from '../schedule/schedule.ts';
import type { Disk } from './disk-store.ts';
import { atPlace, EventLogError, fromSystem } from './event-log-error.ts';
import { type LogFile, logFiles, segmentsAfter } from './files.ts';
import { eventAt } from './record.ts';
import { hasRecordAfter, listLog, type Scanned, scanFile } from './scan-store.ts';
import { DecisionReader } from './sequence.ts';
import { parseSnapshot, type Snapshot } from './snapshot.ts';

/** Events that wait for a fold: one fold of many is far quicker than many of one. */
const FOLDED_AT_ONCE = 4096;

/** What a log holds when it is opened, and what its end looks like. */
export interface Recovered {
  readonly state: ScheduleState;
  /** Sequence number of the last record; 0 in an empty log. */
  readonly seq: number;
  /** The last segment, with the bytes of it that hold whole decisions; null if there is none. */
  readonly segment: { readonly name: string; readonly seq: number; readonly size: number } | null;
  /** The sequence number of the snapshot that the fold began with; 0 if it began at nothing. */
  readonly snapshotSeq: number;
  /** What the last segment ends with that is no whole decision: never acknowledged, to be cut off. */
  readonly torn: Torn | null;
}

export interface Torn {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  readonly reason: string;
}

/**
 * Reads a log's directory: the newest good snapshot, and the records after it folded into it. Changes nothing.
 * Throws where the log is damaged anywhere but at its very end, saying where and what to do.
 */
export async function recover(disk: Disk, directory: string): Promise<Recovered> {
  return recoverUntil(disk, directory, Number.POSITIVE_INFINITY);
}

/**
 * What the records up to that one fold to, a decision's last one; nothing is changed. For a log that goes on: what is
 * appended meanwhile is not looked at.
 */
export async function stateAt(disk: Disk, directory: string, seq: number): Promise<ScheduleState> {
  const recovered = await recoverUntil(disk, directory, seq);
  if (recovered.seq === seq) return recovered.state;
  throw new EventLogError('bad-sequence', `${directory} has no records ${recovered.seq + 1} to ${seq}`);
}

async function recoverUntil(disk: Disk, directory: string, until: number): Promise<Recovered> {
  const files = logFiles(await listLog(disk, directory));
  const segments = files.segments.filter(({ seq }) => seq <= until);
  const snapshots = files.snapshots.filter(({ seq }) => seq <= until);
  const base = await newestSnapshot(disk, directory, snapshots);
  checkBeginning(directory, segments, base.seq);
  const tail = segmentsAfter(segments, base.seq);
  const walk = new Walk(base);
  for (const [index, segment] of tail.entries()) {
    const path = join(directory, segment.name);
    const torn = await walkSegment(disk, segment, path, walk, index === tail.length - 1);
    if (torn) {
      const { size } = await disk.stat(path);
      return finish(walk, base, segment, { ...torn, bytes: size - torn.offset });
    }
  }
  return finish(walk, base, tail.at(-1) ?? null, null);
}

function finish(walk: Walk, base: Snapshot, last: LogFile | null, torn: Torn | null): Recovered {
  const { state, seq, end } = walk.result();
  // Segments that somebody has taken away are behind the snapshot: what comes next begins one of its own.
  const goesOn = last !== null && walk.next === seq + 1;
  return {
    state,
    seq,
    segment: goesOn ? { name: last.name, seq: last.seq, size: end } : null,
    snapshotSeq: base.seq,
    torn: goesOn ? torn : null,
  };
}

/** Walks one segment; what stands at its end without being a whole decision, if it may be there. */
async function walkSegment(
  disk: Disk,
  segment: LogFile,
  path: string,
  walk: Walk,
  isLast: boolean,
): Promise<Omit<Torn, 'bytes'> | null> {
  try {
    walk.enter(segment, path);
    for await (const scanned of scanFile(disk, path)) {
      for (const one of scanned) walk.step(one, path);
    }
  } catch (error) {
    if (!(isLast && error instanceof EventLogError && isTear(error) && error.place)) throw remedied(error);
    if (await hasRecordAfter(disk, path, error.place.offset)) throw remedied(error);
    return { file: path, offset: walk.end, reason: error.message };
  }
  const { size } = await disk.stat(path);
  if (size === walk.end) return null;
  const reason = walk.isInside ? 'the last decision is not complete' : 'the last record is not complete';
  if (isLast) return { file: path, offset: walk.end, reason };
  throw remedied(
    new EventLogError('bad-record', `${reason}, but more records follow`, { file: path, offset: walk.end }),
  );
}

function isTear(error: EventLogError): boolean {
  return error.code === 'bad-checksum' || error.code === 'record-too-long';
}

/** Folds records in order, whole decisions at a time. */
class Walk {
  readonly #foldFrom: number;
  #decisions: DecisionReader | null = null;
  #state: ScheduleState;
  /** The sequence number of the last whole decision's last record. */
  #seq: number;
  #ready: ScheduleEvent[] = [];
  /** Bytes of the segment at hand that hold whole decisions. */
  end = 0;

  constructor(base: Snapshot) {
    this.#state = base.state;
    this.#seq = base.seq;
    this.#foldFrom = base.seq;
  }

  get isInside(): boolean {
    return this.#decisions?.isInside ?? false;
  }

  /** The sequence number that comes after the last whole decision of the segments; null if there are none. */
  get next(): number | null {
    this.#decisions?.restart();
    return this.#decisions?.next ?? null;
  }

  enter(segment: LogFile, file: string): void {
    this.#decisions ??= new DecisionReader(segment.seq);
    this.#decisions.expect(segment.seq, { file, offset: 0 });
    this.end = 0;
  }

  step({ record, start, end }: Scanned, file: string): void {
    const decision = this.#decisions?.take(record, { file, offset: start });
    if (!decision) return;
    for (const one of decision) {
      const event = one.seq > this.#foldFrom ? eventAt(one, { file, offset: start }) : null;
      if (event) this.#ready.push(event);
    }
    this.#seq = Math.max(this.#seq, record.seq);
    this.end = end;
    if (this.#ready.length >= FOLDED_AT_ONCE) this.#fold();
  }

  result(): { readonly state: ScheduleState; readonly seq: number; readonly end: number } {
    this.#fold();
    return { state: this.#state, seq: this.#seq, end: this.end };
  }

  #fold(): void {
    this.#state = fold(this.#state, this.#ready);
    this.#ready = [];
  }
}

/** Records before the first segment may be gone only behind a snapshot. */
function checkBeginning(directory: string, segments: readonly LogFile[], snapshotSeq: number): void {
  const first = segments[0];
  if (!first || first.seq <= snapshotSeq + 1) return;
  throw new EventLogError(
    'bad-snapshot',
    `records before ${first.seq} are missing in ${directory}, and no valid snapshot covers them; ` +
      'restore the directory from a copy, or move it away: then a new log is started and Zeeks send their requests again',
  );
}

async function newestSnapshot(
  disk: Disk,
  directory: string,
  snapshots: readonly LogFile[],
): Promise<Snapshot> {
  for (const { name } of snapshots.toReversed()) {
    const path = join(directory, name);
    try {
      return parseSnapshot(await disk.readText(path));
    } catch (error) {
      const problem = fromSystem(error, `read ${path}`);
      // An older one, or all records from the start, say the same.
      if (problem.code !== 'bad-snapshot') throw atPlace(problem, { file: path, offset: 0 });
    }
  }
  return { seq: 0, state: initialState() };
}

/** The error, saying what to do about damage. */
function remedied(error: unknown): unknown {
  if (!(error instanceof EventLogError) || error.code === 'newer-format' || error.code === 'io') return error;
  const message =
    "'bro-osquery log verify' shows what is undamaged, 'bro-osquery log repair --until SEQ' keeps that and a copy of the rest";
  return new EventLogError(error.code, `${error.message}; ${message}`, null, error);
}
