import type { ScheduleEvent } from '../schedule/events.ts';
import type { ScheduleState } from '../schedule/schedule.ts';
import { compact, type Retention, writeSnapshot } from './compaction-store.ts';
import { type Disk, disk as realDisk } from './disk-store.ts';
import type { EventLog, SyncPolicy } from './event-log.ts';
import { EventLogError, fromSystem } from './event-log-error.ts';
import { readLog } from './event-log-reader-store.ts';
import { segmentName } from './files.ts';
import { type Lock, takeLock } from './lock-store.ts';
import { type LogRecord, printRecord, recordsOf } from './record.ts';
import { type Recovered, recover, stateAt, type Torn } from './recovery-store.ts';
import { SegmentWriter } from './segment-writer-store.ts';

export interface EventLogOptions {
  /** Made if it isn't there. */
  readonly directory: string;
  readonly sync: SyncPolicy;
  /** A segment that has reached this size is followed by a new one. */
  readonly maxSegmentBytes: number;
  readonly retention: Retention;
  /** The wall clock, in milliseconds since the epoch; for retention, and for people who look at the lock. */
  readonly now: () => number;
  /** Told of what is not in the way of appending but should be known: a snapshot that could not be written, … */
  readonly onWarning: (problem: EventLogError) => void;
  readonly disk?: Disk;
}

/** Sizes and times for a host that nobody has configured. */
export const EVENT_LOG_DEFAULTS = {
  sync: { policy: 'always' },
  maxSegmentBytes: 8 * 1024 * 1024,
  retention: { age: 30 * 24 * 3_600_000, bytes: 256 * 1024 * 1024 },
} as const satisfies Partial<EventLogOptions>;

/** What opening found, for the log of the program. */
export interface OpeningReport {
  readonly records: number;
  /** What they fold to. */
  readonly state: ScheduleState;
  /** Sequence number of the snapshot that the fold began with; 0 if it began at nothing. */
  readonly foldedFrom: number;
  /** What was cut off the end, never acknowledged. */
  readonly torn: Torn | null;
}

interface Waiting {
  readonly expected: number;
  readonly events: readonly ScheduleEvent[];
  readonly resolve: (records: readonly LogRecord[]) => void;
  readonly reject: (error: EventLogError) => void;
}

/**
 * Opens the log for writing, alone. Throws where it is damaged, written by a newer version, or `locked`. A disk
 * that is full or read-only is no reason to throw: the log opens with what it has, refuses appends, and takes
 * them as soon as the disk does.
 */
export async function openEventLog(options: EventLogOptions): Promise<EventLogStore> {
  const disk = options.disk ?? realDisk;
  const lock = await takeLock(disk, options.directory, options.now()).catch((error: unknown) =>
    fromSystem(error, `write in ${options.directory}`),
  );
  if (lock instanceof EventLogError && lock.code === 'locked') throw lock;
  const held = lock instanceof EventLogError ? null : lock;
  try {
    const store = new EventLogStore(options, await recover(disk, options.directory), held);
    await store.prepare();
    return store;
  } catch (error) {
    await held?.release();
    throw error;
  }
}

/** The log on disk. Appends that wait while one is being synced go together into the next sync. */
export class EventLogStore implements EventLog {
  readonly report: OpeningReport;
  readonly #options: EventLogOptions;
  readonly #disk: Disk;
  #lock: Lock | null;
  #seq: number;
  #snapshotSeq: number;
  #found: Recovered['segment'];
  #segment: SegmentWriter | null = null;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | null = null;
  #compacting: Promise<void> = Promise.resolve();
  #trouble: EventLogError | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: EventLogOptions, recovered: Recovered, lock: Lock | null) {
    const { state, seq, snapshotSeq, torn, segment } = recovered;
    this.report = { records: seq, state, foldedFrom: snapshotSeq, torn };
    this.#options = options;
    this.#disk = options.disk ?? realDisk;
    this.#lock = lock;
    this.#seq = seq;
    this.#snapshotSeq = snapshotSeq;
    this.#found = segment;
  }

  get directory(): string {
    return this.#options.directory;
  }

  /** Sequence number of the last record; 0 in an empty log. */
  get seq(): number {
    return this.#seq;
  }

  /** Why the last append was refused; null once one has succeeded again. */
  get trouble(): EventLogError | null {
    return this.#trouble;
  }

  /** Makes the last segment ready to be written, its torn end cut off; a disk that refuses is tried again later. */
  async prepare(): Promise<void> {
    try {
      await this.#writable();
    } catch (error) {
      this.#trouble = fromSystem(error, `open the event log in ${this.#options.directory} for writing`);
      if (this.#trouble.code === 'locked') throw this.#trouble;
    }
  }

  async *read(after: number): AsyncGenerator<LogRecord> {
    if (after >= this.#seq) return;
    const { records } = await readLog(this.#options.directory, { disk: this.#disk });
    for await (const record of records) if (record.seq > after) yield record;
  }

  append(expected: number, events: readonly ScheduleEvent[]): Promise<readonly LogRecord[]> {
    if (events.length === 0) return Promise.resolve([]);
    if (this.#closing) return Promise.reject(new EventLogError('closed', 'the event log was closed'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ expected, events, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** Ends in good order: waits for appends under way, writes a snapshot, gives the lock back. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#flushing;
    await this.#compacting;
    try {
      if (this.#segment) {
        await this.#segment.sync();
        if (this.#seq > this.#snapshotSeq) await this.#keepSnapshot(this.#seq);
      }
    } catch (error) {
      this.#options.onWarning(fromSystem(error, 'end the event log with a snapshot'));
    }
    await this.#segment?.close();
    await this.#lock?.release();
  }

  async #flush(): Promise<void> {
    // One turn later, so that appends of the same turn share one sync.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#write(batch);
    }
    this.#flushing = null;
  }

  /** Writes the decisions with one write and one sync. What can't be printed, or is of an old state, is refused alone. */
  async #write(batch: readonly Waiting[]): Promise<void> {
    const printed: { readonly waiting: Waiting; readonly records: readonly LogRecord[] }[] = [];
    const lines: string[] = [];
    let seq = this.#seq;
    for (const waiting of batch) {
      try {
        if (waiting.expected !== seq) throw conflict(waiting.expected, seq);
        const records = recordsOf(waiting.events, seq + 1);
        lines.push(...records.map((record) => `${printRecord(record)}\n`));
        printed.push({ waiting, records });
        seq += records.length;
      } catch (error) {
        waiting.reject(fromSystem(error, 'serialize an event'));
      }
    }
    if (printed.length === 0) return;
    try {
      const bytes = Buffer.from(lines.join(''), 'utf8');
      const segment = await this.#roomFor(bytes.length);
      await segment.put(bytes, this.#options.sync);
    } catch (error) {
      this.#trouble = fromSystem(error, `append to the event log in ${this.#options.directory}`);
      for (const { waiting } of printed) waiting.reject(this.#trouble);
      return;
    }
    this.#trouble = null;
    this.#seq = seq;
    for (const { waiting, records } of printed) waiting.resolve(records);
  }

  /** The segment for that many bytes: the last one, or one that follows it. */
  async #roomFor(bytes: number): Promise<SegmentWriter> {
    const { directory, maxSegmentBytes, onWarning } = this.#options;
    const segment = await this.#writable();
    if (segment.size === 0 || segment.size + bytes <= maxSegmentBytes) return segment;
    await segment.clean();
    await segment.sync();
    const next = { name: segmentName(this.#seq + 1), size: 0, isNew: true };
    this.#segment = await SegmentWriter.open(this.#disk, directory, next, onWarning);
    await segment.close();
    const seq = this.#seq;
    this.#compacting = this.#compacting
      .then(() => this.#keepSnapshot(seq))
      .catch((error: unknown) => onWarning(fromSystem(error, 'write a snapshot of the event log')));
    return this.#segment;
  }

  async #writable(): Promise<SegmentWriter> {
    if (this.#segment) return this.#segment;
    const { directory, onWarning } = this.#options;
    if (!this.#lock) this.#lock = await this.#lockLate();
    const last = this.#found
      ? { ...this.#found, isNew: false }
      : { name: segmentName(this.#seq + 1), size: 0, isNew: true };
    this.#segment = await SegmentWriter.open(this.#disk, directory, last, onWarning);
    return this.#segment;
  }

  /** The log was read before the lock could be had: it is ours only if nobody has written since. */
  async #lockLate(): Promise<Lock> {
    const { directory, now } = this.#options;
    const lock = await takeLock(this.#disk, directory, now());
    try {
      const { seq } = await recover(this.#disk, directory);
      if (seq === this.#seq) return lock;
      throw new EventLogError(
        'rewritten',
        `another process has written the event log in ${directory} up to record ${seq}, this one knows it up to ${this.#seq}; restart`,
      );
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Keeps what the records up to that one fold to, as a start reads it. */
  async #keepSnapshot(seq: number): Promise<void> {
    const { directory, retention, now } = this.#options;
    const state = await stateAt(this.#disk, directory, seq);
    await writeSnapshot(this.#disk, directory, { seq, state });
    this.#snapshotSeq = seq;
    await compact(this.#disk, directory, retention, now());
  }
}

function conflict(expected: number, seq: number): EventLogError {
  return new EventLogError(
    'conflict',
    `the event log is at record ${seq}, and this was decided at record ${expected}; decide again`,
  );
}
