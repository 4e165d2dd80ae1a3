import type { Cursors } from './cursors.ts';
import { Drops } from './drops.ts';
import type { Journal } from './journal.ts';
import type { MarkKeeper } from './marks.ts';
import type { PeerSender } from './peer-sender.ts';
import type { CourierPorts } from './ports.ts';
import type { RowCounters } from './row-counters.ts';

export interface HousekeepingContext {
  readonly ports: CourierPorts;
  readonly journal: Journal;
  readonly cursors: Cursors;
  readonly marks: MarkKeeper | undefined;
  readonly counters: RowCounters;
  readonly senders: ReadonlyMap<string, PeerSender>;
  /** All rows below have been counted. */
  counted(): number;
  /** Resolves when all rows below are counted, or will not be. */
  untilCounted(number: number): Promise<void>;
}

/** Steps of the courier between two looks at what can be thrown away. */
const LOOK_EVERY = 64;
/** Such looks between two that sum up the queries that have ended. */
const CLOSE_EVERY = 16;
/** From this part of the journal's bound on, the oldest rows are given up ahead of need. */
const NEARLY_FULL = 0.9;

/**
 * Keeps the journal within its bounds: removes what everybody has, and, where that isn't enough, what somebody
 * still lacks, oldest first. Since the oldest rows are those of the Bro that is furthest behind, the one that has
 * been away longest loses first.
 */
export class Housekeeping {
  readonly drops: Drops;
  readonly #context: HousekeepingContext;
  #work: Promise<void> = Promise.resolve();
  #tidying = false;
  #steps = 0;
  #looks = 0;
  #stopped = false;

  constructor(context: HousekeepingContext) {
    this.#context = context;
    this.drops = new Drops(context);
  }

  /** The courier has done something; now and then that is a reason to look. */
  step(): void {
    this.#steps += 1;
    if (this.#steps % LOOK_EVERY !== 0 || this.#stopped) return;
    this.#looks += 1;
    if (this.#looks % CLOSE_EVERY === 0) this.#closeEnded();
    const { segments } = this.#context.journal;
    const oldest = segments[0];
    if (!oldest || segments.length === 1 || this.#tidying) return;
    if (oldest.next > this.#settledBelow() && !this.#isOverdue(oldest.newestAt)) return;
    this.#tidying = true;
    this.#alone(() => this.#tidy()).finally(() => {
      this.#tidying = false;
    });
  }

  /** Sees to it that the journal has room for an entry of that size, whatever it costs. */
  makeRoom(size: number): Promise<void> {
    const { journal } = this.#context;
    const { maxBytes } = journal.limits;
    return this.#alone(async () => {
      while (journal.bytes + size > maxBytes && !this.#stopped) {
        const oldest = journal.segments[0];
        const before = journal.bytes;
        if (oldest) await this.#dropBelow(oldest.next, full(maxBytes));
        if (journal.bytes >= before) return;
      }
    });
  }

  /** Resolves when the work that is under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }

  /** One at a time may remove segments: what is to be booked as dropped has to be read before. */
  #alone(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#context.ports.report({ type: 'journal-trouble', message: String(error) });
    });
    return this.#work;
  }

  async #tidy(): Promise<void> {
    const { journal } = this.#context;
    const { maxBytes, maxAge } = journal.limits;
    this.#closeEnded();
    await this.#trim(this.#settledBelow());
    const oldest = journal.segments[0];
    if (!oldest || journal.segments.length === 1 || !this.#isOverdue(oldest.newestAt)) return;
    await this.#dropBelow(
      oldest.next,
      journal.bytes > maxBytes * NEARLY_FULL ? full(maxBytes) : `they were older than ${maxAge / 1000} s`,
    );
  }

  #isOverdue(newestAt: number): boolean {
    const { journal, ports } = this.#context;
    const { maxBytes, maxAge } = journal.limits;
    return journal.bytes > maxBytes * NEARLY_FULL || newestAt < ports.now() - maxAge;
  }

  #closeEnded(): void {
    const { counters, ports } = this.#context;
    counters.closeEnded((name) => ports.lookup(name) !== undefined);
  }

  /** Nothing below is needed by anybody; absent Bros for which nothing is pending need nothing at all. */
  #settledBelow(): number {
    const { senders, counters } = this.#context;
    const counted = this.#context.counted();
    let below = counted;
    for (const sender of senders.values()) {
      if (!sender.attached && sender.cursor < counted && counters.pending(sender.peer) === 0)
        sender.skipTo(counted);
      below = Math.min(below, sender.cursor);
    }
    return below;
  }

  /** Gives up all rows below the number: Bros that lack them are notified. */
  async #dropBelow(number: number, reason: string): Promise<void> {
    const { cursors } = this.#context;
    await this.#context.untilCounted(number);
    await this.drops.dropBelow(number, reason);
    // Should the disk not take the cursors, a crash costs the notice of a gap, no row.
    await cursors.flush().catch(() => {});
    await this.#trim(number, true);
  }

  /** Removes what lies below the number; what it told of the runs of queries outlives it. */
  async #trim(number: number, withNewest = false): Promise<void> {
    const { journal, marks, ports, counted } = this.#context;
    const [oldest] = journal.segments;
    if (!oldest || oldest.next > number) return;
    marks?.marks.closeEnded((name) => ports.lookup(name) !== undefined);
    // Should the disk not take them, a crash may bring rows twice, and costs none.
    await marks?.save(counted()).catch(() => {});
    await journal.trim(number, withNewest);
  }
}

const full = (maxBytes: number) => `the journal is full (${maxBytes} bytes)`;
