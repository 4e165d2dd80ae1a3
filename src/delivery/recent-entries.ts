import type { JournalEntry } from './journal-record.ts';
import type { ScannedEntry } from './scanned-entry.ts';

/** What an entry takes beside its payload, once it is scanned. */
const OVERHEAD = 1024;

/** An entry that is kept, scanned at most once. */
export interface RecentEntry {
  readonly entry: JournalEntry;
  scanned: Promise<ScannedEntry> | undefined;
}

/**
 * The newest entries of the journal, kept in memory for those who will read them in a moment. They follow one
 * another without a hole, from {@link RecentEntries.from} on.
 */
export class RecentEntries {
  readonly #maxBytes: number;
  #entries: RecentEntry[] = [];
  #bytes = 0;
  #from = Number.POSITIVE_INFINITY;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Every entry with a number from here on is kept. */
  get from(): number {
    return this.#from;
  }

  /** Adds the entry that was written last. */
  push(entry: JournalEntry): void {
    if (this.#entries.length === 0) this.#from = entry.sequence;
    this.#entries.push({ entry, scanned: undefined });
    this.#bytes += entry.payload.length + OVERHEAD;
    let drop = 0;
    while (this.#bytes > this.#maxBytes && drop < this.#entries.length - 1) drop += this.#forget(drop);
    if (drop > 0) this.#entries.splice(0, drop);
  }

  /** Forgets entries all of whose numbers lie below. */
  release(below: number): void {
    let drop = 0;
    while (drop < this.#entries.length && (this.#entries[drop]?.entry.next ?? 0) <= below)
      drop += this.#forget(drop);
    if (drop > 0) this.#entries.splice(0, drop);
  }

  #forget(index: number): 1 {
    const entry = this.#entries[index]?.entry;
    this.#bytes -= (entry?.payload.length ?? 0) + OVERHEAD;
    this.#from = entry?.next ?? this.#from;
    return 1;
  }

  /** The first entry that holds a number of at least `position`, if it is kept. */
  find(position: number): RecentEntry | undefined {
    if (position < this.#from) return undefined;
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.entry.next ?? 0) > position) high = middle;
      else low = middle + 1;
    }
    return this.#entries[low];
  }
}
