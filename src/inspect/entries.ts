import type { StepFrame } from '../../actors/inspection.ts';
import type { StepEffects } from '../../actors/step-effects.ts';
import type { ContextChange } from './context-changes.ts';

/** What the page is shown of what happened, in order: plain data, bounded, and never a row. */
export type Entry = StepEntry | MessageEntry | FactEntry | RowsEntry;

/** A step of a machine. */
export interface StepEntry extends StepFrame {
  /** What the event carried beside its type, as JSON cut where it is long; empty: nothing. */
  readonly payload: string;
  /** What it replaced in the context, at an actor's first step all; null where that was not seen. */
  readonly changed: readonly ContextChange[] | null;
  /** Which transitions it took and which actions ran; null where that was not seen. */
  readonly effects: StepEffects | null;
  /** Whether this is no step: the machine stood there when it was first seen. */
  readonly isFound?: true;
}

/** A step of which no more was seen than where it led. */
export function bareStep(frame: StepFrame): StepEntry {
  return { ...frame, payload: '', changed: null, effects: null };
}

/** What an inspection has of the time before its first entry: all, nothing, or no longer. */
export type Earlier = 'nothing' | 'unseen' | 'discarded';

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
  /** Name of the query that it is about; empty where it is about none. */
  readonly query: string;
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
  /** The Bro and the query that it is about; empty where it is about none. */
  readonly peer: string;
  readonly query: string;
  /** The request that it answers; empty where no Zeek asked for it. */
  readonly cause: string;
  /** Its data as JSON, cut where it is long. */
  readonly detail: string;
}

/** How many rows have gone which way since the start of the process. */
export interface RowsEntry {
  readonly kind: 'rows';
  readonly at: number;
  readonly counts: readonly RowCounts[];
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
  /** Those that the journal did not take. */
  readonly refused: number;
  readonly sent: number;
  readonly confirmed: number;
  readonly dropped: number;
  /** Those that were not to be sent, by reason; taken = refused + confirmed + dropped + skipped + pending. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly pending: number;
}

/** How much an inspection holds; of what is older it keeps where everything stood. */
export interface RecordingLimits {
  readonly entries: number;
  /** Letters, roughly, of all entries. */
  readonly weight: number;
}

export const RECORDING_LIMITS: RecordingLimits = { entries: 100_000, weight: 64 * 1024 * 1024 };
/** Of a room that is full this part is kept, so that it is not full again at once. */
const KEPT = 0.8;

/** Letters, roughly. */
export function sizeOf(entry: Entry): number {
  switch (entry.kind) {
    case 'message':
      return 200 + entry.detail.length;
    case 'fact':
      return 100 + entry.words.length + entry.detail.length;
    case 'rows':
      return 50 + 160 * entry.counts.length + 50 * Object.keys(entry.runs).length;
    default:
      return 300 + entry.payload.length + sizeOfChanges(entry.changed ?? []);
  }
}

function sizeOfChanges(changes: readonly ContextChange[]): number {
  let size = 0;
  for (const { path, before, after } of changes) size += 30 + path.length + before.length + after.length;
  return size;
}

/**
 * The newest entries that leave some of the room free, before them the last one of each actor's, of the facts and of
 * the row counts that have to go: so what stood before is still known.
 */
export function trimmed(entries: readonly Entry[], room: RecordingLimits): Entry[] {
  let start = entries.length;
  let weight = 0;
  while (start > 0 && entries.length - start < Math.floor(room.entries * KEPT)) {
    const entry = entries[start - 1];
    weight += entry ? sizeOf(entry) : 0;
    if (weight > room.weight * KEPT) break;
    start -= 1;
  }
  const standing = new Map<string, Entry>();
  for (const entry of entries.slice(0, start)) {
    if (entry.kind === 'step') standing.set(`step ${entry.actor}`, entry);
    else if (entry.kind !== 'message') standing.set(entry.kind, entry);
  }
  return [...[...standing.values()].sort((one, other) => one.at - other.at), ...entries.slice(start)];
}
