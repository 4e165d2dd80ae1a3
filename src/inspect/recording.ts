import type { LogRecord } from '../event-log/record.ts';
import { eventOf } from '../event-log/record.ts';
import type { Snapshot } from '../event-log/snapshot.ts';
import { inWords } from '../replay/in-words.ts';
import { forget, queriesOf, remember } from '../replay/replay.ts';
import type { ScheduleEvent } from '../schedule/events.ts';
import { fold } from '../schedule/evolve.ts';
import { initialState, type ScheduleState } from '../schedule/schedule.ts';
import type { Query } from '../vocabulary/words.ts';
import { type Entry, MOST_ENTRIES, trimmed } from './entries.ts';

/** Facts between two states that are kept; any other state is folded from the one before it. */
const FACTS_A_STATE = 256;

/** What there is to inspect: entries in order, and the schedule after any fact. */
export class Recording {
  /** Counts what has been added, what was let go of too. */
  added = 0;
  #entries: Entry[] = [];
  #lastSeq: number;
  #queries: Map<string, Query>;
  readonly #states: { readonly seq: number; readonly state: ScheduleState }[];
  readonly #facts: { readonly seq: number; readonly event: ScheduleEvent }[] = [];
  readonly #listeners = new Set<() => void>();

  /** @param base the state before the first fact, as far as it is known */
  constructor(base: Snapshot | null) {
    this.#lastSeq = base?.seq ?? 0;
    this.#states = [{ seq: this.#lastSeq, state: base?.state ?? initialState() }];
    this.#queries = queriesOf(base);
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Entries from the number-th on, of those that are still held; at most `most`. */
  since(number: number, most: number): readonly Entry[] {
    const start = Math.max(0, this.#entries.length - (this.added - number));
    return this.#entries.slice(start, start + most);
  }

  /** The number of the oldest entry that is held. */
  get first(): number {
    return this.added - this.#entries.length;
  }

  /** Adds what is no fact. */
  add(entry: Entry): void {
    this.#entries.push(entry);
    this.added += 1;
    if (this.#entries.length > MOST_ENTRIES) this.#entries = trimmed(this.#entries, MOST_ENTRIES * 0.8);
    for (const listener of this.#listeners) listener();
  }

  /** Adds a record of the log; one of a type that only other versions know changes no state. */
  addRecord(record: LogRecord): void {
    const event = eventOf(record);
    if (event) this.addFact(event, record.seq);
    else {
      const words = `${record.type}: not known to this version`;
      this.add({ kind: 'fact', at: record.time, seq: record.seq, type: record.type, words });
      this.#lastSeq = record.seq;
    }
  }

  addFact(event: ScheduleEvent, seq: number): void {
    remember(this.#queries, event);
    const words = inWords(event, (name) => this.#queries.get(name));
    forget(this.#queries, event);
    this.#facts.push({ seq, event });
    this.#lastSeq = seq;
    const last = this.#states.at(-1);
    if (last && seq - last.seq >= FACTS_A_STATE) this.#states.push({ seq, state: this.scheduleAt(seq) });
    this.add({ kind: 'fact', at: event.at, seq, type: event.type, words });
  }

  /** From the last fact on, this is the state, whatever the facts before said. */
  rebase(state: ScheduleState, seq = this.#lastSeq): void {
    this.#states.push({ seq, state });
    this.#lastSeq = seq;
    this.#queries = queriesOf({ seq, state });
  }

  /** The schedule after a fact: the last one up to that number. */
  scheduleAt(seq: number): ScheduleState {
    const from = this.#states.findLast((one) => one.seq <= seq) ?? this.#states[0];
    if (!from) return initialState();
    const start = upperBound(this.#facts, from.seq);
    const events = this.#facts.slice(start, upperBound(this.#facts, seq)).map(({ event }) => event);
    return events.length === 0 ? from.state : fold(from.state, events);
  }

  /** @returns how to end that */
  onAdded(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/** The index of the first with a greater number. */
function upperBound(facts: readonly { readonly seq: number }[], seq: number): number {
  let [low, high] = [0, facts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((facts[middle]?.seq ?? 0) <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
