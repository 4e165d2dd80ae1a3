import type { EntryHead, JournalEntry } from './journal-record.ts';

/** The journal as the courier needs it; {@link file://./journal-store.ts} is the one on disk. */
export interface Journal {
  /** Resolves once the entry is written, or with the reason why it isn't; never rejects. */
  append(entry: NewEntry): Promise<Appended>;
  /** Number that the next entry gets, at the least: everything below is written. */
  readonly next: number;
  /** Bytes on disk. */
  readonly bytes: number;
  readonly limits: JournalLimits;
  /** Bytes that the entry would take. */
  sizeOf(entry: NewEntry): number;
  /** What lies there, oldest first; the last one is being written to. */
  readonly segments: readonly SegmentInfo[];
  /** A reader of its own, with its own place. */
  reader(): JournalReader;
  /**
   * Removes the segments all of whose entries lie below the number; the one that is being written to only where
   * that is wanted.
   */
  trim(before: number, withNewest?: boolean): Promise<void>;
}

export interface JournalLimits {
  readonly maxBytes: number;
  /** Milliseconds after which an entry may be dropped though a Bro still lacks it. */
  readonly maxAge: number;
}

export type NewEntry = Pick<EntryHead, 'kind' | 'header'> & { readonly payload: Uint8Array };

export type Appended =
  | { readonly accepted: true; readonly entry: JournalEntry }
  | {
      readonly accepted: false;
      readonly reason: RefusalReason;
      readonly message: string;
      /** The number that the entry would have had; nothing else gets it or those of its rows. */
      readonly sequence: number;
    };

/**
 * - `full`: the journal is at its bound
 * - `too-large`: the entry alone is beyond a bound
 * - `disk`: the file system doesn't take it (full, a limit, an error)
 * - `closed`: the journal has been closed
 */
export type RefusalReason = 'full' | 'too-large' | 'disk' | 'closed';

export interface SegmentInfo {
  readonly first: number;
  /** Above the numbers of all its entries. */
  readonly next: number;
  readonly bytes: number;
  /** When its newest entry came, milliseconds since the epoch. */
  readonly newestAt: number;
}

export interface JournalReader {
  /**
   * The first entry that holds a number of at least `from`, or undefined where everything written lies below.
   * Reading on at an entry's `next` is cheap; elsewhere the reader looks for the place.
   */
  read(from: number): Promise<JournalEntry | undefined>;
  /** How many stretches it couldn't read and passed over. */
  readonly damaged: number;
  close(): Promise<void>;
}
