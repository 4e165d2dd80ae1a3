import { type FileHandle, open } from 'node:fs/promises';
import { isCode } from './error-code.ts';
import type { JournalReader, SegmentInfo } from './journal.ts';
import { decodePart, EntryAssembly, type JournalEntry, type Part, rowSpan } from './journal-record.ts';

/** A segment file; `bytes` is how far it is written and whole. Its owner moves the numbers on. */
export interface StoredSegment extends SegmentInfo {
  readonly path: string;
  next: number;
  bytes: number;
  newestAt: number;
}

const BLOCK = 256 * 1024;

/** Reads the entries of a list of segments that grows at its end and is trimmed at its beginning meanwhile. */
export class SegmentReader implements JournalReader {
  readonly #segments: readonly StoredSegment[];
  #segment: StoredSegment | undefined;
  #file: FileHandle | undefined;
  /** Where in the segment the next record begins. */
  #offset = 0;
  /** The number from which on nothing has been passed over. */
  #position = 0;
  /** Bytes of the segment from `#blockAt` on. */
  #block = Buffer.alloc(0);
  #blockAt = 0;
  #damaged = 0;
  #reading: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(segments: readonly StoredSegment[]) {
    this.#segments = segments;
  }

  get damaged(): number {
    return this.#damaged;
  }

  /** Reads asked for at once follow one another. */
  read(from: number): Promise<JournalEntry | undefined> {
    const reading = this.#reading.then(
      () => this.#read(from),
      () => this.#read(from),
    );
    this.#reading = reading;
    return reading;
  }

  async #read(from: number): Promise<JournalEntry | undefined> {
    if (from !== this.#position) await this.#seek(from);
    let assembly: EntryAssembly | undefined;
    for (let part = await this.#part(); part; part = await this.#part()) {
      if (part.first) {
        if (assembly) this.#damaged += 1;
        const passed = part.sequence + rowSpan(part.payloadLength) <= from;
        assembly =
          passed || part.payloadLength > (this.#segment?.bytes ?? 0) ? undefined : new EntryAssembly(part);
      }
      if (!assembly) continue;
      const entry = assembly.add(part) ? (part.last ? assembly.finish() : 'unfinished') : undefined;
      if (entry === 'unfinished') continue;
      assembly = undefined;
      if (!entry) this.#damaged += 1;
      else {
        this.#position = entry.next;
        return entry;
      }
    }
    return undefined;
  }

  /** Reads on to the end. @returns where the last whole entry ends, in numbers and in bytes of its segment */
  async lastWhole(): Promise<{ readonly next: number; readonly bytes: number }> {
    let next = this.#segments[0]?.first ?? 0;
    let bytes = 0;
    for (let entry = await this.read(0); entry; entry = await this.read(entry.next)) {
      if (this.#damaged > 0) break;
      next = entry.next;
      bytes = this.#offset;
    }
    return { next, bytes };
  }

  /** For good: a read that is under way ends without an entry. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#reading.catch(() => {});
    await this.#release();
  }

  async #release(): Promise<void> {
    const file = this.#file;
    this.#segment = undefined;
    this.#file = undefined;
    await file?.close();
  }

  async #seek(from: number): Promise<void> {
    const segment = this.#segments.findLast(({ first }) => first <= from) ?? this.#segments[0];
    const onTheWay = segment !== undefined && segment === this.#segment && this.#position <= from;
    this.#position = from;
    if (!onTheWay) await this.#release();
  }

  /** The next record, of whatever entry; undefined at the end of what is written. */
  async #part(): Promise<Part | undefined> {
    for (;;) {
      if (this.#closed || !(await this.#enter())) return undefined;
      const segment = this.#segment;
      const file = this.#file;
      if (!segment || !file) return undefined;
      const result = decodePart(this.#block, this.#offset - this.#blockAt);
      if (result.outcome === 'part') {
        this.#offset = this.#blockAt + result.part.end;
        return result.part;
      }
      const wanted = result.outcome === 'short' ? this.#blockAt + result.end : Number.POSITIVE_INFINITY;
      if (wanted <= segment.bytes && (await this.#fill(file, segment, wanted))) continue;
      this.#damaged += 1;
      this.#offset = segment.bytes;
    }
  }

  /** Sees to it that something of a segment is still to be read. */
  async #enter(): Promise<boolean> {
    for (;;) {
      const current = this.#segment;
      if (current && this.#file && this.#offset < current.bytes) return true;
      const position = this.#position;
      const following = current
        ? this.#segments.find(({ first }) => first > current.first)
        : (this.#segments.findLast(({ first }) => first <= position) ?? this.#segments[0]);
      if (!following) return false;
      await this.#file?.close();
      this.#file = undefined;
      try {
        this.#file = await open(following.path, 'r');
      } catch (error) {
        // Trimmed in between: the list says so by now, or will.
        if (!isCode(error, 'ENOENT')) throw error;
      }
      this.#segment = following;
      this.#offset = this.#file ? 0 : following.bytes;
      this.#blockAt = 0;
      this.#block = this.#block.subarray(0, 0);
    }
  }

  async #fill(file: FileHandle, segment: StoredSegment, wanted: number): Promise<boolean> {
    const length = Math.min(segment.bytes, Math.max(wanted, this.#offset + BLOCK)) - this.#offset;
    const known = Buffer.from(this.#block.buffer);
    const target = known.length >= length ? known : Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await file.read(target, filled, length - filled, this.#offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.#block = target.subarray(0, filled);
    this.#blockAt = this.#offset;
    return filled === length;
  }
}
