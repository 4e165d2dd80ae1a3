import type { StepFrame } from '../../actors/inspection.ts';

/** What the page is shown of what happened, in order: plain data, bounded, and never a row. */
export type Entry = StepFrame | MessageEntry | FactEntry | RowsEntry;

/** A message of the bus. */
export interface MessageEntry {
  readonly kind: 'message';
  readonly at: number;
  readonly type: string;
  readonly subject: string;
  /** Ids of actors: who said it, and whose inbox takes it. */
  readonly from: string;
  readonly to: readonly string[];
  /** The Bro that it is about; empty where it is about none. */
  readonly peer: string;
  /** Its numbers, by name. */
  readonly numbers: Readonly<Record<string, number>>;
  /** All of it as JSON, cut where it is long. */
  readonly detail: string;
}

/** A fact of the event log. */
export interface FactEntry {
  readonly kind: 'fact';
  readonly at: number;
  /** Its number in the log; in a trace, which tells of none, counted from the trace's beginning. */
  readonly seq: number;
  readonly type: string;
  readonly words: string;
}

/** How many rows have gone which way since the start of the process. */
export interface RowsEntry {
  readonly kind: 'rows';
  readonly at: number;
  readonly accounts: readonly RowCounts[];
  /** When osquery last ran each query: milliseconds since the epoch, by name. */
  readonly runs: Readonly<Record<string, number>>;
  /** When the oldest row came that a Bro has not confirmed: milliseconds since the epoch, by Bro. */
  readonly oldest: Readonly<Record<string, number>>;
}

export interface RowCounts {
  readonly peer: string;
  /** Name of the query; empty: those that have ended. */
  readonly name: string;
  readonly taken: number;
  readonly sent: number;
  readonly confirmed: number;
  readonly dropped: number;
  readonly pending: number;
}

/** Entries that an inspection holds; of what is older it keeps where everything stood. */
export const MOST_ENTRIES = 100_000;

/**
 * The newest `keep` entries, before them the last one of each actor's and of the row counts that have to go: so what
 * stood before is still known.
 */
export function trimmed(entries: readonly Entry[], keep: number): Entry[] {
  const gone = entries.slice(0, Math.max(0, entries.length - keep));
  const standing = new Map<string, Entry>();
  for (const entry of gone) {
    if (entry.kind === 'step') standing.set(`step ${entry.actor}`, entry);
    else if (entry.kind !== 'message') standing.set(entry.kind, entry);
  }
  return [...[...standing.values()].sort((one, other) => one.at - other.at), ...entries.slice(gone.length)];
}
