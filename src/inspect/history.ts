import {
  type Entry,
  type FactEntry,
  type MessageEntry,
  RECORDING_LIMITS,
  type RecordingLimits,
  type RowsEntry,
  type StepEntry,
  sizeOf,
  trimmed,
} from './entries.ts';

/** Entries as the page asks for them: what stood where at a moment, which is the index of the last entry seen. */
export class History {
  #entries: Entry[] = [];
  #steps = new Map<string, number[]>();
  #news = new Map<string, number[]>();
  #messages: number[] = [];
  #facts: number[] = [];
  #rows: number[] = [];
  #weight = 0;
  readonly #room: RecordingLimits;

  constructor(room: RecordingLimits = RECORDING_LIMITS) {
    this.#room = room;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Actors in the order in which they were first seen. */
  get actors(): readonly string[] {
    return [...this.#steps.keys()];
  }

  /** Indices of the messages of the bus. */
  get messages(): readonly number[] {
    return this.#messages;
  }

  /** Indices of the facts of the log. */
  get facts(): readonly number[] {
    return this.#facts;
  }

  /** Indices of counts of rows. */
  get rows(): readonly number[] {
    return this.#rows;
  }

  /** Indices of the messages of a type about a Bro. */
  news(type: string, peer: string): readonly number[] {
    return this.#news.get(newsKey(type, peer)) ?? [];
  }

  at(index: number): Entry | undefined {
    return this.#entries[index];
  }

  /** @returns by how much the indices of entries that were there have become smaller */
  add(entries: readonly Entry[]): number {
    for (const entry of entries) this.#put(entry);
    const before = this.#entries.length;
    if (before <= this.#room.entries && this.#weight <= this.#room.weight) return 0;
    const kept = trimmed(this.#entries, this.#room);
    this.clear();
    for (const entry of kept) this.#put(entry);
    return before - kept.length;
  }

  clear(): void {
    this.#entries = [];
    this.#steps = new Map();
    this.#news = new Map();
    this.#messages = [];
    this.#facts = [];
    this.#rows = [];
    this.#weight = 0;
  }

  #put(entry: Entry): void {
    const index = this.#entries.length;
    this.#entries.push(entry);
    this.#weight += sizeOf(entry);
    if (entry.kind === 'step') listIn(this.#steps, entry.actor).push(index);
    else if (entry.kind === 'fact') this.#facts.push(index);
    else if (entry.kind === 'rows') this.#rows.push(index);
    else {
      this.#messages.push(index);
      listIn(this.#news, newsKey(entry.type, entry.peer)).push(index);
    }
  }

  /** An actor's last step at a moment, and where it stood before that. */
  stepAt(
    actor: string,
    moment: number,
  ): { readonly step: StepEntry; readonly before: StepEntry | null } | null {
    const steps = this.#steps.get(actor) ?? [];
    const place = lastUpTo(steps, moment);
    const step = this.#entries[steps[place] ?? -1];
    if (step?.kind !== 'step') return null;
    const before = this.#entries[steps[place - 1] ?? -1];
    return { step, before: before?.kind === 'step' ? before : null };
  }

  /** The last message of a type about a Bro at a moment. */
  messageAt(type: string, peer: string, moment: number): MessageEntry | null {
    const news = this.#news.get(newsKey(type, peer)) ?? [];
    const entry = this.#entries[news[lastUpTo(news, moment)] ?? -1];
    return entry?.kind === 'message' ? entry : null;
  }

  factAt(moment: number): FactEntry | null {
    const entry = this.#entries[this.#facts[lastUpTo(this.#facts, moment)] ?? -1];
    return entry?.kind === 'fact' ? entry : null;
  }

  rowsAt(moment: number): RowsEntry | null {
    const entry = this.#entries[this.#rows[lastUpTo(this.#rows, moment)] ?? -1];
    return entry?.kind === 'rows' ? entry : null;
  }

  /** A moment as it can be found again in another recording of the same: its time, and the how manieth of that time. */
  nameOf(moment: number): string {
    const at = this.#entries[moment]?.at;
    if (at === undefined) return '';
    let nth = 0;
    while (this.#entries[moment - nth - 1]?.at === at) nth += 1;
    return `${at}-${nth}`;
  }

  /** The moment of that name; where there is none, the last one before it. Null for what is no name. */
  momentOf(name: string): number | null {
    const [, time, nth = '0'] = /^(\d{1,15})(?:-(\d{1,9}))?$/.exec(name) ?? [];
    if (time === undefined) return null;
    const at = Number(time);
    const first = this.#entries.findIndex((entry) => entry.at >= at);
    if (first < 0) return this.#entries.length - 1;
    if (this.#entries[first]?.at !== at) return first - 1;
    let moment = first;
    while (moment < first + Number(nth) && this.#entries[moment + 1]?.at === at) moment += 1;
    return moment;
  }
}

function newsKey(type: string, peer: string): string {
  return `${type} ${peer}`;
}

function listIn(lists: Map<string, number[]>, key: string): number[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

/** The place of the last index that is not greater; -1 if there is none. */
export function lastUpTo(indices: readonly number[], most: number): number {
  let [low, high] = [0, indices.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((indices[middle] ?? 0) <= most) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
