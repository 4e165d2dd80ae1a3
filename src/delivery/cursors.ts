import type { Gap, TimeSpan } from '../vocabulary/model.ts';

/** What is kept of a Bro over a restart of the process. */
export interface PeerCursor {
  /** The Bro has, or will never get, all rows numbered below. */
  readonly position: number;
  /** Rows that it will never get and does not know of yet, as one gap. */
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
  const unseen = joinSpans(one.unseen, other.unseen);
  return { ...joinRows(one, other), ...(unseen && { unseen }) };
}

function joinSpans(one: TimeSpan | undefined, other: TimeSpan | undefined): TimeSpan | undefined {
  if (!one || !other) return one ?? other;
  return { from: Math.min(one.from, other.from), to: Math.max(one.to, other.to) };
}

/** Where one of them is of no known rows, its numbers say nothing. */
function joinRows(one: Gap, other: Gap): Omit<Gap, 'unseen'> {
  if (one.rows === 0 || other.rows === 0) {
    const { first, last, rows, reason } = one.rows === 0 ? other : one;
    return { first, last, rows, reason };
  }
  return {
    first: Math.min(one.first, other.first),
    last: Math.max(one.last, other.last),
    rows: one.rows + other.rows,
    reason: one.reason === other.reason ? one.reason : `${one.reason}; ${other.reason}`.slice(0, 500),
  };
}
