import type { Entries, FoundEntry } from './entries.ts';
import type { MarkKeeper } from './marks.ts';
import type { PeerSender } from './peer-sender.ts';
import type { CourierPorts } from './ports.ts';
import type { RowCounters } from './row-counters.ts';
import type { ScannedEntry } from './scanned-entry.ts';
import { Signal } from './signal.ts';

export interface CountingContext {
  readonly ports: CourierPorts;
  readonly entries: Entries;
  readonly counters: RowCounters;
  readonly marks: MarkKeeper | undefined;
  readonly senders: ReadonlyMap<string, PeerSender>;
  /** The Bro's sender; where it has none, one that begins at the position. */
  senderOf(peer: string, position: number): PeerSender;
  /** Called with each step forward. */
  onCounted(): void;
}

/** Entries that are counted, or this many bytes of them, before the thread is yielded. */
const YIELD_ENTRIES = 64;
const YIELD_BYTES = 512 * 1024;
/** Milliseconds until a journal that can't be read is tried again. */
const RETRY = 1000;

/** The one pass over the journal that says whose rows these are: whatever comes after it works by its counters. */
export class Counting {
  readonly #context: CountingContext;
  readonly #written = new Signal();
  #counted: number;
  #damaged = 0;
  #work: Promise<void> | undefined;
  #stopped = false;

  /** @param from the number of the journal's first row */
  constructor(from: number, context: CountingContext) {
    this.#counted = from;
    this.#context = context;
  }

  /** All rows numbered below have been counted. */
  get counted(): number {
    return this.#counted;
  }

  get isStarted(): boolean {
    return this.#work !== undefined;
  }

  start(): void {
    this.#work ??= this.#run();
  }

  /** Resolves when nothing more will be counted. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#written.raise();
    await this.#work;
  }

  /** There is more in the journal. */
  wake(): void {
    this.#written.raise();
  }

  /** Counts an entry that the journal has not, or not yet. */
  count(scanned: ScannedEntry): void {
    this.#book(scanned);
    this.#mark(scanned);
  }

  async #run(): Promise<void> {
    const { entries: journal, ports } = this.#context;
    let entries = 0;
    let bytes = 0;
    while (!this.#stopped) {
      const found = await journal.find(this, this.#counted).catch((error: unknown) => {
        this.#troubled(error);
        return 'trouble' as const;
      });
      if (found === 'trouble') {
        await new Promise<void>((resume) => ports.after(RETRY, resume));
        continue;
      }
      this.#reportDamage();
      if (!found) {
        this.#releaseRecent();
        await this.#written.rest();
        // The answer to osquery goes out first.
        await ports.yieldControl();
        continue;
      }
      await this.#countFound(found);
      entries += 1;
      bytes += found.entry.payload.length;
      if (entries >= YIELD_ENTRIES || bytes >= YIELD_BYTES) {
        entries = 0;
        bytes = 0;
        this.#releaseRecent();
        await ports.yieldControl();
      }
    }
  }

  async #countFound(found: FoundEntry): Promise<void> {
    const { ports, senders, onCounted } = this.#context;
    try {
      const scanned = await found.scan();
      this.count(scanned);
      this.#noteArrival(scanned);
      for (const problem of scanned.malformed) ports.report({ type: 'malformed-line', ...problem });
    } catch (error) {
      // A failing port must not stop the counting of all rows.
      this.#troubled(error);
    }
    this.#counted = found.entry.next;
    for (const sender of senders.values()) sender.wake();
    onCounted();
  }

  #troubled(error: unknown): void {
    this.#context.ports.report({ type: 'journal-trouble', message: String(error) });
  }

  #reportDamage(): void {
    const { entries, ports } = this.#context;
    const damaged = entries.damagedTo(this);
    if (damaged > this.#damaged) ports.report({ type: 'damaged', stretches: damaged - this.#damaged });
    this.#damaged = damaged;
  }

  #book({ results }: ScannedEntry): void {
    const { counters, ports, senderOf } = this.#context;
    for (const { name, first, item, deliverable } of results) {
      let counter = counters.find(name);
      if (!counter) {
        const peer = (deliverable ?? ports.lookup(name))?.peer;
        if (peer === undefined) continue;
        counter = counters.open(peer, name);
      }
      const sender = senderOf(counter.peer, first);
      counter.taken += Math.max(0, item.rowCount - Math.max(0, sender.cursor - first));
    }
  }

  #mark({ entry, results }: ScannedEntry): void {
    const { marks } = this.#context;
    if (!marks || entry.kind !== 'log') return;
    for (const { item } of results) marks.marks.note(entry.sequence, item);
  }

  #noteArrival({ entry, results }: ScannedEntry): void {
    const { counters, senders } = this.#context;
    for (const { name, first, item } of results) {
      const counter = counters.find(name);
      const sender = counter && senders.get(counter.peer);
      sender?.arrivals.note(first + item.rowCount, entry.receivedAt, sender.cursor);
    }
  }

  /** Entries that no attached Bro will read from memory are released; absent ones will read from disk. */
  #releaseRecent(): void {
    const { entries, senders } = this.#context;
    let needed = this.#counted;
    for (const sender of senders.values()) if (sender.attached) needed = Math.min(needed, sender.position);
    entries.release(needed);
  }
}
