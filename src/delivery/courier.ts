import type { Gap, TimeSpan } from '../vocabulary/model.ts';
import { Counting } from './counting.ts';
import type { Cursors } from './cursors.ts';
import type { DeliveryCounts } from './delivery-counts.ts';
import { Entries } from './entries.ts';
import { Housekeeping } from './housekeeping.ts';
import type { Appended, Journal } from './journal.ts';
import type { MarkKeeper } from './marks.ts';
import { PeerSender, type PeerSenderHost } from './peer-sender.ts';
import { type CourierLimits, type CourierPorts, DEFAULT_LIMITS, type Handover, type Link } from './ports.ts';
import { RowCounters } from './row-counters.ts';
import { type ScannedEntry, scanEntry } from './scanned-entry.ts';

export interface CourierOptions {
  readonly journal: Journal;
  readonly cursors: Cursors;
  /** Without them nothing is known later of what came and is no longer in the journal. */
  readonly marks?: MarkKeeper;
  readonly ports: CourierPorts;
  readonly limits?: Partial<CourierLimits>;
}

/** How far a Bro is. */
export interface SenderStatus {
  readonly peer: string;
  readonly attached: boolean;
  /** All rows numbered below are settled; it equals `newest` once the Bro has everything. */
  readonly confirmed: number;
  /** All rows numbered below have come from osquery. */
  readonly newest: number;
  /** Rows sent and not confirmed. */
  readonly inFlight: number;
  /** When the oldest row came that is not settled, milliseconds since the epoch; null if there is none. */
  readonly oldestAt: number | null;
  /** What it will never get and may not know yet. */
  readonly unreportedGap: Gap | undefined;
}

/**
 * Brings rows to Bros. What osquery hands over is written to the journal, then counted (the one pass that says
 * whose rows these are), then read by each Bro's sender at that sender's own pace. A row is settled once its Bro has
 * confirmed it; after an interruption of whatever kind it is sent again, under the same number.
 *
 * Guarantee: at least once, in order within each query; what can't be kept is declared as a gap.
 */
export class Courier implements PeerSenderHost {
  readonly ports: CourierPorts;
  readonly limits: CourierLimits;
  readonly #journal: Journal;
  readonly #cursors: Cursors;
  readonly #counters = new RowCounters();
  readonly #housekeeping: Housekeeping;
  readonly #entries: Entries;
  readonly #senders = new Map<string, PeerSender>();
  readonly #counting: Counting;
  #onProgress = new Set<() => void>();
  #stopped = false;

  constructor(options: CourierOptions) {
    this.ports = options.ports;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#journal = options.journal;
    this.#cursors = options.cursors;
    this.#entries = new Entries(options.journal, this.ports, this.limits.recentBytes);
    this.#counting = new Counting(options.journal.segments[0]?.first ?? options.journal.next, {
      ports: this.ports,
      entries: this.#entries,
      counters: this.#counters,
      marks: options.marks,
      senders: this.#senders,
      senderOf: (peer, position) => this.#sender(peer, position),
      onCounted: () => {
        this.#progressed();
        this.#housekeeping.step();
      },
    });
    this.#housekeeping = new Housekeeping({
      ports: this.ports,
      journal: options.journal,
      cursors: options.cursors,
      marks: options.marks,
      counters: this.#counters,
      senders: this.#senders,
      counted: () => this.counted,
      untilCounted: async (number) => {
        const until = () => Math.min(number, this.#lastWritten());
        while (this.#counting.isStarted && !this.#stopped && this.counted < until()) await this.#progress();
      },
    });
    for (const [peer, cursor] of options.cursors.loaded)
      this.#senders.set(peer, new PeerSender(peer, this, cursor));
  }

  /** Begins to count what the journal has; call it once the queries of the last life are known to `lookup`. */
  start(): void {
    this.#counting.start();
  }

  /**
   * Takes over what osquery hands over. Resolves once it is written, and also if it can't be, which is booked and
   * declared; osquery is to be answered OK either way. Never rejects for reasons of disk or network.
   */
  async take(entry: Handover): Promise<Appended> {
    const { maxBytes } = this.#journal.limits;
    const size = this.#journal.sizeOf(entry);
    if (this.#journal.bytes + size > maxBytes && size <= maxBytes) await this.#housekeeping.makeRoom(size);
    const appended = await this.#journal.append(entry);
    if (appended.accepted) {
      this.#entries.push(appended.entry);
      this.#counting.wake();
    } else await this.#refused(entry, appended);
    return appended;
  }

  async #refused(entry: Handover, refusal: Appended & { readonly accepted: false }): Promise<void> {
    const { sequence, reason, message } = refusal;
    const next = sequence + entry.payload.length + 1;
    const scanned = await scanEntry({ ...entry, sequence, next, receivedAt: this.ports.now() }, this.ports);
    this.#counting.count(scanned);
    const rows = this.#housekeeping.drops.refuse(
      scanned,
      `they could not be written to the journal (${reason})`,
    );
    this.ports.report({ type: 'refused', reason, message, rows });
  }

  /** Gives a Bro its rows over that link from now on, from its cursor on. */
  attach(peer: string, link: Link): void {
    this.#sender(peer, this.counted).attach(link);
  }

  /** The link of the Bro is down, or is to be used no more. Without `link`: whichever it has. */
  detach(peer: string, link?: Link): void {
    this.#senders.get(peer)?.detach(link);
  }

  /** The Bro's scripts have handled all rows up to and with the number. */
  acknowledge(peer: string, sequence: number): void {
    this.#senders.get(peer)?.acknowledge(sequence);
  }

  /** The Bro's scripts miss rows of this run: what they have not acknowledged is sent again. */
  sendAgain(peer: string, run: number): void {
    this.#senders.get(peer)?.sendAgain(run);
  }

  /**
   * osquery may have had rows for the Bro that were not received: it is notified. They are in no counts, for nobody knows
   * how many there were. `reason`: why they are not to be had. Resolves once that is on disk, and also if it can't be.
   */
  async declareUnseen(peer: string, unseen: TimeSpan, reason: string): Promise<void> {
    const gap: Gap = { first: this.counted, last: this.counted, rows: 0, reason, unseen };
    this.ports.report({ type: 'gap', peer, gap, names: {} });
    this.#sender(peer, this.counted).addGap(gap);
    await this.#cursors.flush().catch(() => {});
  }

  /** The Bro is configured no more: nothing is kept for it. */
  forget(peer: string): void {
    this.detach(peer);
    const sender = this.#senders.get(peer);
    if (!sender) return;
    this.#senders.delete(peer);
    this.#entries.forget(sender);
    this.#counters.forget(peer);
    this.#cursors.remove(peer);
  }

  /** Of a Bro that is none of these, and so is configured no more, nothing is kept. */
  retain(peers: readonly string[]): void {
    for (const peer of [...this.#senders.keys()]) if (!peers.includes(peer)) this.forget(peer);
  }

  counts(): DeliveryCounts[] {
    return this.#counters.counts();
  }

  senders(): SenderStatus[] {
    return [...this.#senders.values()].map(
      ({ peer, attached, cursor, inFlight, arrivals, unreportedGap }) => ({
        peer,
        attached,
        confirmed: cursor,
        newest: Math.max(cursor, this.counted),
        inFlight,
        oldestAt: arrivals.oldest(cursor),
        unreportedGap,
      }),
    );
  }

  /** Resolves when everything taken so far is counted, and confirmed by the Bros that are attached. */
  async settled(): Promise<void> {
    const isSettled = () =>
      this.counted >= this.#lastWritten() &&
      [...this.#senders.values()].every((sender) => !sender.attached || sender.isSettled);
    while (!this.#stopped && !isSettled()) await this.#progress();
  }

  /** Resolves when everything taken so far is counted. */
  async caughtUp(): Promise<void> {
    const until = this.#lastWritten();
    while (!this.#stopped && this.counted < until) await this.#progress();
  }

  #lastWritten(): number {
    return this.#journal.segments.findLast(({ bytes }) => bytes > 0)?.next ?? 0;
  }

  /** Lets go of all links and saves the cursors. What is unconfirmed is sent again in the next life. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const sender of this.#senders.values()) sender.detach();
    this.#progressed();
    await this.#counting.stop();
    await this.#housekeeping.stop();
    await this.#entries.close();
    await this.#cursors.flush();
  }

  get counted(): number {
    return this.#counting.counted;
  }

  counter(name: string) {
    return this.#counters.find(name);
  }

  async next(sender: PeerSender, position: number): Promise<ScannedEntry | undefined> {
    if (position >= this.counted) return undefined;
    const found = await this.#entries.find(sender, position);
    return found && found.entry.sequence < this.counted ? found.scan() : undefined;
  }

  moved(sender: PeerSender, cursor: { readonly position: number }): void {
    if (this.#senders.get(sender.peer) !== sender) return;
    this.#cursors.set(sender.peer, cursor);
    this.#progressed();
    this.#housekeeping.step();
  }

  #sender(peer: string, position: number): PeerSender {
    let sender = this.#senders.get(peer);
    if (!sender) {
      sender = new PeerSender(peer, this, { position });
      this.#senders.set(peer, sender);
    }
    return sender;
  }

  #progress(): Promise<void> {
    return new Promise((resolve) => this.#onProgress.add(resolve));
  }

  #progressed(): void {
    const waiting = this.#onProgress;
    this.#onProgress = new Set();
    for (const resume of waiting) resume();
  }
}
