import { makeDirectory } from '../files/directory-store.ts';
import { DeliveryError } from './delivery-error.ts';
import type {
  Appended,
  Journal,
  JournalLimits,
  JournalReader,
  NewEntry,
  RefusalReason,
  SegmentInfo,
} from './journal.ts';
import { SegmentReader, type StoredSegment } from './journal-reader-store.ts';
import {
  encodeHeader,
  entrySize,
  type JournalEntry,
  MAX_HEADER,
  MAX_PART,
  MAX_PAYLOAD,
  rowSpan,
} from './journal-record.ts';
import { recoverSegments } from './segment-files-store.ts';
import { SegmentWriter } from './segment-writer-store.ts';

export interface JournalOptions {
  /** Created if missing. The caller makes sure that no other process uses it. */
  readonly directory: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** A number that no entry may lie below: the highest that a cursor has. */
  readonly atLeast?: number;
  readonly maxBytes?: number;
  readonly maxAge?: number;
  readonly segmentBytes?: number;
  /**
   * `always`: an append resolves when the disk has it (survives a power failure); `interval`: the disk gets it
   * within a second; `never`: when the system likes. Whatever it is, an entry survives the death of the process.
   */
  readonly fsync?: 'always' | 'interval' | 'never';
}

const DAY = 24 * 60 * 60 * 1000;
/** As many entries are written with one call. */
const GROUP = 256;

interface Waiting {
  readonly entry: NewEntry;
  readonly header: Uint8Array;
  readonly size: number;
  readonly settle: (appended: Appended) => void;
}

/**
 * The journal on disk: append-only segments, each named after its first entry's number. A new life of the
 * process begins a new segment, with a number above all that its predecessors can have given away, even if the
 * directory was lost: numbers start at the time in microseconds.
 */
export class JournalStore implements Journal {
  readonly limits: JournalLimits;
  readonly #options: JournalOptions;
  readonly #writer: SegmentWriter;
  #next: number;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #closed = false;

  private constructor(options: JournalOptions, segments: StoredSegment[]) {
    this.#options = options;
    this.limits = { maxBytes: options.maxBytes ?? 1024 ** 3, maxAge: options.maxAge ?? 7 * DAY };
    // Many segments, so that little is lost when the oldest has to go.
    const segmentBytes = options.segmentBytes ?? Math.min(16 * 1024 * 1024, this.limits.maxBytes / 16);
    const { directory, now, fsync = 'interval' } = options;
    this.#writer = new SegmentWriter({ directory, now, segmentBytes, fsync }, segments);
    this.#next = Math.max(segments.at(-1)?.next ?? 0, options.atLeast ?? 0, Math.floor(options.now() * 1000));
  }

  /** @throws DeliveryError */
  static async open(options: JournalOptions): Promise<JournalStore> {
    try {
      await makeDirectory(options.directory);
      return new JournalStore(options, await recoverSegments(options.directory));
    } catch (error) {
      throw new DeliveryError('unusable', `can't use the journal in ${options.directory}: ${error}`, error);
    }
  }

  get next(): number {
    return this.#next;
  }

  get bytes(): number {
    return this.#writer.bytes;
  }

  get segments(): readonly SegmentInfo[] {
    return this.#writer.segments;
  }

  sizeOf(entry: NewEntry): number {
    return entrySize(encodeHeader(entry.header).length, entry.payload.length);
  }

  append(entry: NewEntry): Promise<Appended> {
    if (this.#closed) return Promise.resolve(this.#refusal(entry, 'closed', 'the journal has been closed'));
    const header = encodeHeader(entry.header);
    const size = entrySize(header.length, entry.payload.length);
    if (!this.#writing && this.#writer.bytes + size <= this.limits.maxBytes) {
      const numbered = this.#number(entry, this.#next, this.#options.now());
      if (this.#writer.writeNow({ entry: numbered, header })) {
        this.#next = numbered.next;
        return Promise.resolve({ accepted: true, entry: numbered });
      }
    }
    return new Promise((settle) => {
      this.#waiting.push({ entry, header, size, settle });
      this.#writing ??= this.#write();
    });
  }

  async #write(): Promise<void> {
    // What is asked for within one turn of the loop is written together.
    await Promise.resolve();
    for (let group = this.#takeGroup(); group.length > 0; group = this.#takeGroup()) {
      try {
        settleAll(group, await this.#writeGroup(group));
      } catch (error) {
        if (group.length > 1) await this.#writeSingly(group);
        else if (group[0]) this.#refuse(group[0], 'disk', String(error));
      }
    }
    this.#writing = undefined;
  }

  /** Where a group has no room, some of it may have. */
  async #writeSingly(group: readonly Waiting[]): Promise<void> {
    for (const one of group) {
      try {
        settleAll([one], await this.#writeGroup([one]));
      } catch (error) {
        this.#refuse(one, 'disk', String(error));
      }
    }
  }

  /** What is written next with one call; what is beyond the bound is refused on the way. */
  #takeGroup(): Waiting[] {
    const group: Waiting[] = [];
    let size = 0;
    while (group.length < GROUP) {
      const one = this.#waiting[0];
      if (!one || (group.length > 0 && size + one.size > MAX_PART)) break;
      this.#waiting.shift();
      if (!this.#fits(one)) {
        this.#refuse(
          one,
          'too-large',
          `${one.size} bytes, more than the journal's limit of ${this.limits.maxBytes}`,
        );
        continue;
      }
      if (this.#writer.bytes + size + one.size > this.limits.maxBytes) {
        // What the group has so far is numbered first.
        if (group.length > 0) {
          this.#waiting.unshift(one);
          break;
        }
        this.#refuse(one, 'full', `${this.#writer.bytes} of ${this.limits.maxBytes} bytes are in use`);
        continue;
      }
      size += one.size;
      group.push(one);
    }
    return group;
  }

  #fits({ entry, header, size }: Waiting): boolean {
    return header.length <= MAX_HEADER && entry.payload.length <= MAX_PAYLOAD && size <= this.limits.maxBytes;
  }

  #refuse(one: Waiting, reason: RefusalReason, message: string): void {
    one.settle(this.#refusal(one.entry, reason, message));
  }

  #refusal(entry: NewEntry, reason: RefusalReason, message: string): Appended {
    const sequence = this.#next;
    this.#next += rowSpan(entry.payload.length);
    return { accepted: false, reason, message, sequence };
  }

  async #writeGroup(group: readonly Waiting[]): Promise<JournalEntry[]> {
    const receivedAt = this.#options.now();
    let next = this.#next;
    const written = group.map(({ entry, header }) => {
      const numbered = this.#number(entry, next, receivedAt);
      next = numbered.next;
      return { entry: numbered, header };
    });
    await this.#writer.write(written);
    this.#next = Math.max(this.#next, next);
    return written.map(({ entry }) => entry);
  }

  #number({ kind, header, payload }: NewEntry, sequence: number, receivedAt: number): JournalEntry {
    return { sequence, kind, receivedAt, header, payload, next: sequence + rowSpan(payload.length) };
  }

  reader(): JournalReader {
    return new SegmentReader(this.#writer.segments);
  }

  trim(before: number, withNewest = false): Promise<void> {
    return this.#writer.trim(before, withNewest);
  }

  /** Waits for what has been asked for, then closes the files. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    await this.#writer.close();
  }
}

function settleAll(group: readonly Waiting[], entries: readonly JournalEntry[]): void {
  for (const [index, entry] of entries.entries()) group[index]?.settle({ accepted: true, entry });
}
