import type { LogRecord } from '../event-log/record.ts';
import { eventOf } from '../event-log/record.ts';
import type { Snapshot } from '../event-log/snapshot.ts';
import { inWords } from '../replay/format.ts';
import { printable } from '../replay/printable.ts';
import { forget, queriesOf, remember } from '../replay/replay.ts';
import type { Cause, ScheduleEvent } from '../schedule/events.ts';
import { fold } from '../schedule/evolve.ts';
import { initialState, type ScheduleState } from '../schedule/schedule.ts';
import type { Query } from '../vocabulary/model.ts';
import { detailText } from './detail-text.ts';
import {
  type Earlier,
  type Entry,
  RECORDING_LIMITS,
  type RecordingLimits,
  sizeOf,
  trimmed,
} from './entries.ts';

/** Facts between two states that are kept; any other state is folded from the one before it. */
const FACTS_A_STATE = 256;

/** What there is to inspect: entries in order, and the schedule after any fact. */
export class Recording {
  /** What there was before the first entry; a log whose old records were removed has a state at its beginning. */
  earlier: Earlier;
  /** Counts what has been added, what was let go of too. */
  added = 0;
  #entries: Entry[] = [];
  #lastSeq: number;
  #queries: Map<string, Query>;
  #weight = 0;
  #states: { readonly seq: number; readonly state: ScheduleState }[];
  #facts: { readonly seq: number; readonly event: ScheduleEvent }[] = [];
  readonly #listeners = new Set<() => void>();

  readonly #room: RecordingLimits;

  /** @param base the state before the first fact, as far as it is known */
  constructor(base: Snapshot | null, room: RecordingLimits = RECORDING_LIMITS) {
    this.#room = room;
    this.earlier = base && base.seq > 0 ? 'discarded' : 'nothing';
    this.#lastSeq = base?.seq ?? 0;
    this.#states = [{ seq: this.#lastSeq, state: base?.state ?? initialState() }];
    this.#queries = queriesOf(base);
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Entries from the number-th on, of those that are still held: as many as there is room for, but one at least. */
  since(number: number, room: RecordingLimits): readonly Entry[] {
    const start = Math.max(0, this.#entries.length - (this.added - number));
    const first = this.#entries.slice(start, start + room.entries);
    let weight = 0;
    const end = first.findIndex((entry) => {
      weight += sizeOf(entry);
      return weight > room.weight;
    });
    return end < 0 ? first : first.slice(0, Math.max(1, end));
  }

  /** The number of the oldest entry that is held. */
  get first(): number {
    return this.added - this.#entries.length;
  }

  /** Adds what is no fact. */
  add(entry: Entry): void {
    this.#entries.push(entry);
    this.added += 1;
    this.#weight += sizeOf(entry);
    if (this.#entries.length > this.#room.entries || this.#weight > this.#room.weight) this.#trim();
    for (const listener of this.#listeners) listener();
  }

  /** How much is in memory. */
  get held(): { readonly entries: number; readonly facts: number; readonly states: number } {
    return { entries: this.#entries.length, facts: this.#facts.length, states: this.#states.length };
  }

  /** Lets go of what is old, and of the facts whose schedule nobody can ask for any more. */
  #trim(): void {
    this.earlier = 'discarded';
    this.#entries = trimmed(this.#entries, this.#room);
    this.#weight = this.#entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
    const oldest = this.#entries.find((entry) => entry.kind === 'fact');
    const seq = oldest?.kind === 'fact' ? oldest.seq : this.#lastSeq;
    const state = this.scheduleAt(seq);
    this.#states = [{ seq, state }, ...this.#states.filter((one) => one.seq > seq)];
    this.#facts = this.#facts.slice(upperBound(this.#facts, seq));
  }

  /** Adds a record of the log; one of a type that only other versions know changes no state. */
  addRecord(record: LogRecord): void {
    const event = eventOf(record);
    if (event) this.addFact(event, record.seq);
    else {
      const words = `${record.type}: not known to this version`;
      this.add({
        ...{
          kind: 'fact',
          at: record.time,
          seq: record.seq,
          type: record.type,
          words,
          ...aboutOf(record.data),
        },
        ...{ cause: formatCause(record.cause), detail: detailText(record.data) },
      });
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
    const { at, type, data } = event;
    this.add({
      ...{ kind: 'fact', at, seq, type, words, ...aboutOf(data) },
      ...{ cause: formatCause(event.cause), detail: detailText(data) },
    });
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

/** The Bro and the query that a fact's data name. */
function aboutOf(data: unknown): { readonly peer: string; readonly query: string } {
  const { peer = '', name = '' } = Object(data) as { readonly peer?: unknown; readonly name?: unknown };
  return { peer: printable(String(peer)), query: printable(String(name)) };
}

function formatCause(cause: Cause | null): string {
  return cause ? `request ${cause.requestId} of ${printable(cause.peer)}` : '';
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
