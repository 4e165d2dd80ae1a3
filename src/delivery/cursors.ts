import type { Gap } from '../vocabulary/words.ts';

/** What is remembered of a Bro between two lives of the process. */
export interface PeerCursor {
  /** The Bro has, or will never get, all rows numbered below. */
  readonly position: number;
  /** Rows that it will never get and hasn't been told of, all in one. */
  readonly gap?: Gap;
}

/** Where the cursors are kept; {@link file://./cursor-store.ts} is the one on disk. */
export interface Cursors {
  readonly loaded: ReadonlyMap<string, PeerCursor>;
  /** Remembers it soon; what is lost with a crash is a moment's progress. */
  set(peer: string, cursor: PeerCursor): void;
  remove(peer: string): void;
  /** Resolves when all that was set is on disk. Rejects if the disk doesn't take it. */
  flush(): Promise<void>;
}

/** Both gaps as one. */
export function joinGaps(one: Gap | undefined, other: Gap): Gap {
  if (!one) return other;
  return {
    first: Math.min(one.first, other.first),
    last: Math.max(one.last, other.last),
    rows: one.rows + other.rows,
    reason: one.reason === other.reason ? one.reason : `${one.reason}; ${other.reason}`.slice(0, 500),
  };
}
