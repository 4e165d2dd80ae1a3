import { writeSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { StoredSegment } from './journal-reader-store.ts';
import { encodeEntry, encodeInto, entrySize, type JournalEntry, MAX_PART } from './journal-record.ts';
import { segmentPath, syncDirectory, writeAll } from './segment-files-store.ts';

export interface SegmentWriterOptions {
  readonly directory: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** A segment of that size or more is followed by a new one. */
  readonly segmentBytes: number;
  /** See JournalOptions. */
  readonly fsync: 'always' | 'interval' | 'never';
}

/** An entry with its header as it is written. */
export interface WritableEntry {
  readonly entry: JournalEntry;
  readonly header: Uint8Array;
}

/** Milliseconds between two syncs. */
const SYNC_INTERVAL = 1000;
/** Bytes up to which an entry is written at once, by this thread: to hand it to another costs more than to write it. */
const AT_ONCE = 64 * 1024;
/** Where that took longer than these milliseconds the disk is slow, and nothing is written so for the next ones. */
const SLOW = 10;
const SLOW_FOR = 10_000;

/** The segments on disk: writes to the end of the last one, begins new ones, removes the oldest. One write at a time. */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  readonly #segments: StoredSegment[];
  #bytes: number;
  #isWriting = false;
  #handle: FileHandle | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> = Promise.resolve();
  #buffer: Buffer | undefined;
  /** Until then nothing is written at once. */
  #slowUntil = Number.NEGATIVE_INFINITY;

  /** @param segments what lies there already; never written to again */
  constructor(options: SegmentWriterOptions, segments: StoredSegment[]) {
    this.#options = options;
    this.#segments = segments;
    this.#bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get segments(): readonly StoredSegment[] {
    return this.#segments;
  }

  /**
   * Writes a small entry before it returns, where nothing speaks against it.
   * @returns whether the file has it; if not, {@link write} is to try, which has what stands in the way told
   */
  writeNow({ entry, header }: WritableEntry): boolean {
    const size = entrySize(header.length, entry.payload.length);
    const segment = this.#segments.at(-1);
    if (!this.#handle || !segment || segment.bytes >= this.#options.segmentBytes) return false;
    if (size > AT_ONCE || this.#isWriting || this.#options.fsync === 'always') return false;
    const from = performance.now();
    if (from < this.#slowUntil) return false;
    this.#buffer ??= Buffer.allocUnsafeSlow(AT_ONCE);
    encodeInto(this.#buffer, entry, header, entry.payload);
    try {
      // What a write that ends short leaves is written over by the next one.
      if (writeSync(this.#handle.fd, this.#buffer, 0, size, segment.bytes) < size) return false;
    } catch {
      return false;
    }
    const now = performance.now();
    if (now - from > SLOW) this.#slowUntil = now + SLOW_FOR;
    this.#written(segment, size, entry);
    return true;
  }

  /** Rejects where the disk doesn't take all of them; then it has none. */
  async write(group: readonly WritableEntry[]): Promise<void> {
    this.#isWriting = true;
    try {
      await this.#write(group);
    } finally {
      this.#isWriting = false;
    }
  }

  async #write(group: readonly WritableEntry[]): Promise<void> {
    const [first] = group;
    const last = group.at(-1);
    if (!first || !last) return;
    const { handle, segment } = await this.#openSegment(first.entry.sequence);
    const start = segment.bytes;
    let position = start;
    try {
      let buffers: Uint8Array[] = [];
      let size = 0;
      for (const { entry, header } of group) {
        for (const part of encodeEntry(entry, header, entry.payload)) {
          buffers.push(...part);
          size += part.reduce((sum, buffer) => sum + buffer.length, 0);
          if (size < MAX_PART) continue;
          await writeAll(handle, buffers, size, position);
          position += size;
          buffers = [];
          size = 0;
        }
      }
      if (size > 0) await writeAll(handle, buffers, size, position);
      position += size;
      if (this.#options.fsync === 'always') await handle.datasync();
    } catch (error) {
      await this.#takeBack(handle, segment, start);
      throw error;
    }
    this.#written(segment, position - start, last.entry);
  }

  #written(segment: StoredSegment, size: number, last: JournalEntry): void {
    segment.bytes += size;
    segment.next = last.next;
    segment.newestAt = last.receivedAt;
    this.#bytes += size;
    this.#syncSoon();
  }

  /**
   * Removes the segments all of whose entries lie below the number.
   * @param withNewest also the one that would be written to next, unless it is being written to
   */
  async trim(before: number, withNewest: boolean): Promise<void> {
    for (;;) {
      const oldest = this.#segments[0];
      if (!oldest || oldest.next > before) return;
      if (this.#segments.length === 1 && this.#handle) {
        if (!withNewest || this.#isWriting) return;
        this.#retire(this.#handle);
        this.#handle = undefined;
      }
      this.#segments.shift();
      this.#bytes -= oldest.bytes;
      await rm(oldest.path, { force: true });
    }
  }

  /** Closes the files, once no write is under way. */
  async close(): Promise<void> {
    clearTimeout(this.#syncTimer);
    if (this.#handle) this.#retire(this.#handle);
    this.#handle = undefined;
    await this.#syncing;
  }

  /** Cuts off what a failed write may have left; where even that fails, or the file is at its limit, goes on in a new one. */
  async #takeBack(handle: FileHandle, segment: StoredSegment, start: number): Promise<void> {
    const cut = await handle.truncate(start).then(
      () => true,
      () => false,
    );
    if (cut && segment.bytes === 0) return;
    this.#handle = undefined;
    await handle.close().catch(() => {});
  }

  async #openSegment(first: number): Promise<{ handle: FileHandle; segment: StoredSegment }> {
    const { directory, segmentBytes, fsync, now } = this.#options;
    const current = this.#segments.at(-1);
    if (this.#handle && current && current.bytes < segmentBytes) {
      return { handle: this.#handle, segment: current };
    }
    const path = segmentPath(directory, first);
    const handle = await open(path, 'w', 0o600);
    if (this.#handle) this.#retire(this.#handle);
    this.#handle = handle;
    const segment = { path, first, next: first, bytes: 0, newestAt: now() };
    if (current?.first === first) this.#segments.pop();
    this.#segments.push(segment);
    if (fsync !== 'never') await syncDirectory(directory);
    return { handle, segment };
  }

  /** Closes a segment that is written to its end; nobody waits for that. */
  #retire(handle: FileHandle): void {
    this.#syncing = this.#syncing.then(async () => {
      if (this.#options.fsync !== 'never') await handle.datasync().catch(() => {});
      await handle.close().catch(() => {});
    });
  }

  #syncSoon(): void {
    if (this.#options.fsync !== 'interval') return;
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = undefined;
      const handle = this.#handle;
      if (handle) this.#syncing = this.#syncing.then(() => handle.datasync().catch(() => {}));
    }, SYNC_INTERVAL).unref();
  }
}
