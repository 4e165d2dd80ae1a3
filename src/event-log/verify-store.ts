import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ScheduleEvent } from '../schedule/events.ts';
import { fold } from '../schedule/evolve.ts';
import { initialState, type ScheduleState } from '../schedule/schedule.ts';
import { type Disk, disk as realDisk } from './disk-store.ts';
import { atPlace, EventLogError, type Place } from './event-log-error.ts';
import { type LogFile, logFiles } from './files.ts';
import { eventAt, type LogRecord } from './record.ts';
import { listLog, scanFile } from './scan-store.ts';
import { DecisionReader } from './sequence.ts';
import { parseSnapshot, type Snapshot } from './snapshot.ts';

/** What a look at every byte of a log found. */
export interface Verification {
  readonly segments: readonly {
    readonly name: string;
    readonly bytes: number;
    /** Sequence numbers; null in an empty segment. */
    readonly first: number | null;
    readonly last: number | null;
  }[];
  readonly snapshots: readonly { readonly name: string; readonly seq: number }[];
  /** Types of records that this version doesn't know, with how many there are. */
  readonly unknownTypes: Readonly<Record<string, number>>;
  /** The last record up to which everything is whole; 0 if there is none. */
  readonly wholeUntil: number;
  /** Bytes after that which are no whole decision: what a crash leaves, cut off when the log is next opened. */
  readonly tornBytes: number;
  /** In order; none in a log that is whole. */
  readonly problems: readonly EventLogError[];
}

/**
 * Reads the whole log, checks each record and the order of all, folds them, and compares the state with each
 * snapshot. Changes nothing, and needs no lock; throws only where the directory can't be read.
 */
export async function verifyLog(directory: string, disk: Disk = realDisk): Promise<Verification> {
  const files = logFiles(await listLog(disk, directory));
  const snapshots = new Map<number, Snapshot | EventLogError>();
  for (const file of files.snapshots) snapshots.set(file.seq, await readSnapshot(disk, directory, file));
  const check = new Check(files.segments[0]?.seq ?? 1, snapshots);
  const segments: Verification['segments'][number][] = [];
  for (const [index, segment] of files.segments.entries()) {
    const path = join(directory, segment.name);
    const { size } = await disk.stat(path);
    const range = await check.segment(disk, segment, path, size, index === files.segments.length - 1);
    segments.push({ name: segment.name, bytes: size, ...range });
  }
  return { segments, snapshots: files.snapshots, ...check.result() };
}

async function readSnapshot(disk: Disk, directory: string, file: LogFile): Promise<Snapshot | EventLogError> {
  const path = join(directory, file.name);
  try {
    return parseSnapshot(await disk.readText(path));
  } catch (error) {
    if (!(error instanceof EventLogError)) throw error;
    return atPlace(error, { file: path, offset: 0 });
  }
}

class Check {
  readonly #snapshots: ReadonlyMap<number, Snapshot | EventLogError>;
  readonly #decisions: DecisionReader;
  readonly #problems: EventLogError[] = [];
  readonly #unknownTypes: Record<string, number> = {};
  /** Null once it can't be known any more. */
  #state: ScheduleState | null;
  #wholeUntil: number;
  #tornBytes = 0;

  constructor(first: number, snapshots: ReadonlyMap<number, Snapshot | EventLogError>) {
    this.#snapshots = snapshots;
    this.#decisions = new DecisionReader(first);
    this.#wholeUntil = first - 1;
    const base = snapshots.get(first - 1);
    this.#state = first === 1 ? initialState() : base && !(base instanceof EventLogError) ? base.state : null;
    for (const snapshot of snapshots.values()) {
      if (snapshot instanceof EventLogError) this.#problems.push(snapshot);
    }
    if (this.#state === null) {
      this.#problems.push(
        new EventLogError('bad-snapshot', `no valid snapshot has the state before record ${first}`),
      );
    }
  }

  async segment(
    disk: Disk,
    segment: LogFile,
    path: string,
    size: number,
    isLast: boolean,
  ): Promise<{ readonly first: number | null; readonly last: number | null }> {
    let range: { first: number | null; last: number | null } = { first: null, last: null };
    let end = 0;
    // After damage the order of what follows can't be judged: only the first problem of a log is certain.
    if (this.#problems.some((problem) => problem.place?.file.endsWith('.jsonl'))) return range;
    try {
      this.#decisions.expect(segment.seq, { file: path, offset: 0 });
      for await (const scanned of scanFile(disk, path)) {
        for (const { record, start, end: after } of scanned) {
          range = { first: range.first ?? record.seq, last: record.seq };
          const place = { file: path, offset: start };
          const decision = this.#decisions.take(record, place);
          if (!decision) continue;
          this.#take(decision.map((one) => this.#eventAt(one, place)));
          this.#wholeUntil = record.seq;
          end = after;
          this.#compare(record.seq);
        }
      }
    } catch (error) {
      if (!(error instanceof EventLogError)) throw error;
      this.#problems.push(error);
      return range;
    }
    if (size > end && isLast) this.#tornBytes = size - end;
    else if (size > end) {
      this.#problems.push(
        new EventLogError('bad-record', 'the segment ends with an incomplete decision', {
          file: path,
          offset: end,
        }),
      );
    }
    return range;
  }

  result(): Pick<Verification, 'unknownTypes' | 'wholeUntil' | 'tornBytes' | 'problems'> {
    return {
      unknownTypes: this.#unknownTypes,
      wholeUntil: this.#wholeUntil,
      tornBytes: this.#tornBytes,
      problems: this.#problems,
    };
  }

  #eventAt(record: LogRecord, place: Place): ScheduleEvent | null {
    const event = eventAt(record, place);
    if (!event) this.#unknownTypes[record.type] = (this.#unknownTypes[record.type] ?? 0) + 1;
    return event;
  }

  #take(events: readonly (ScheduleEvent | null)[]): void {
    if (this.#state === null) return;
    this.#state = fold(
      this.#state,
      events.filter((event) => event !== null),
    );
  }

  #compare(seq: number): void {
    const snapshot = this.#snapshots.get(seq);
    if (!snapshot || snapshot instanceof EventLogError || this.#state === null) return;
    if (isDeepStrictEqual(snapshot.state, this.#state)) return;
    this.#problems.push(
      new EventLogError('bad-snapshot', `the snapshot of record ${seq} does not match the records up to it`),
    );
  }
}
