import type { Journal, JournalReader } from './journal.ts';
import type { JournalEntry } from './journal-record.ts';
import type { CourierPorts } from './ports.ts';
import { RecentEntries } from './recent-entries.ts';
import { type ScannedEntry, scanEntry } from './scanned-entry.ts';

/** An entry that was found. */
export interface FoundEntry {
  readonly entry: JournalEntry;
  /** Scans it; one that is kept in memory is scanned once for all who read it. Rejects where a port of ours fails. */
  scan(): Promise<ScannedEntry>;
}

/** The journal's entries for readers with a pace of their own: from memory while they are new, else from disk. */
export class Entries {
  readonly #journal: Journal;
  readonly #ports: CourierPorts;
  readonly #recent: RecentEntries;
  readonly #readers = new Map<object, JournalReader>();
  /** The number after those of the last entry that was pushed; none has been: 0. */
  #end = 0;

  /** @param recentBytes of the newest entries are kept in memory */
  constructor(journal: Journal, ports: CourierPorts, recentBytes: number) {
    this.#journal = journal;
    this.#ports = ports;
    this.#recent = new RecentEntries(recentBytes);
  }

  /** Adds the entry that was written last. */
  push(entry: JournalEntry): void {
    this.#end = entry.next;
    this.#recent.push(entry);
  }

  /**
   * The first entry that holds a number of at least `position`. Rejects where the disk can't be read.
   * @param reader who reads: each has its own place in the journal
   */
  async find(reader: object, position: number): Promise<FoundEntry | undefined> {
    // Who has read all that there is must not look on the disk for more: it would read again what it had from memory.
    if (this.#end > 0 && position >= this.#end) return undefined;
    const recent = this.#recent.find(position);
    if (recent) {
      return {
        entry: recent.entry,
        scan: () => {
          recent.scanned ??= scanEntry(recent.entry, this.#ports);
          return recent.scanned;
        },
      };
    }
    const entry = await this.#readerOf(reader).read(position);
    return entry && { entry, scan: () => scanEntry(entry, this.#ports) };
  }

  /** Stretches of the journal that the reader has passed over because they are damaged. */
  damagedTo(reader: object): number {
    return this.#readers.get(reader)?.damaged ?? 0;
  }

  /** Nobody will read entries below the number from memory. */
  release(below: number): void {
    if (this.#recent.from < below) this.#recent.release(below);
  }

  /** The reader reads no more. */
  forget(reader: object): void {
    // What can't be closed is of no use to anybody.
    this.#readers
      .get(reader)
      ?.close()
      .catch(() => {});
    this.#readers.delete(reader);
  }

  async close(): Promise<void> {
    for (const reader of this.#readers.values()) await reader.close();
  }

  #readerOf(owner: object): JournalReader {
    let reader = this.#readers.get(owner);
    if (!reader) {
      reader = this.#journal.reader();
      this.#readers.set(owner, reader);
    }
    return reader;
  }
}
