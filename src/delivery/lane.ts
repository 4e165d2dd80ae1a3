import type { Gap } from '../vocabulary/words.ts';
import type { Ledger } from './accounting.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { Batch } from './batch.ts';
import type { PeerCursor } from './cursors.ts';
import { InFlight } from './in-flight.ts';
import type { CourierLimits, CourierPorts, Link } from './ports.ts';
import { type Load, RowLoader } from './row-loader.ts';
import type { Parcel, ScannedEntry } from './scanned-entry.ts';
import { Signal } from './signal.ts';
import { UntoldGap } from './untold-gap.ts';

/** What a lane asks of its courier. */
export interface LaneHost {
  readonly ports: CourierPorts;
  readonly limits: CourierLimits;
  /** All rows below have been counted. */
  readonly counted: number;
  /** The first counted entry that holds a number of at least `position`. */
  next(lane: Lane, position: number): Promise<ScannedEntry | undefined>;
  ledger(name: string): Ledger | undefined;
  /** The cursor or the gap has changed. */
  moved(lane: Lane, cursor: PeerCursor): void;
}

/** Rows that are passed over, or entries, before others get a turn. */
const TURN = 200;

/**
 * One Bro's rows on their way: reads the journal from the Bro's cursor on, sends, and moves the cursor when the
 * Bro has confirmed. A lane waits for nobody but its own Bro, and nobody waits for a lane.
 */
export class Lane {
  readonly peer: string;
  readonly #host: LaneHost;
  readonly #loader: RowLoader;
  #cursor: number;
  /** The number of the next row to look at; all below are settled, in a batch, or lost. */
  #position: number;
  /** The journal has nothing below any more. */
  #floor = 0;
  readonly #gap: UntoldGap;
  #link: Link | undefined;
  // What follows belongs to the link, and is replaced with it: a former link may never let go of its loop.
  #signal = new Signal();
  #acknowledgements = new Acknowledgements();
  #open = new Batch();
  #sent = new InFlight();
  #confirming = false;
  #turn = 0;

  constructor(peer: string, host: LaneHost, cursor: PeerCursor) {
    this.peer = peer;
    this.#host = host;
    this.#loader = new RowLoader(peer, host.ports, host.limits);
    this.#cursor = cursor.position;
    this.#position = cursor.position;
    this.#gap = new UntoldGap(cursor.gap);
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** Entries below aren't needed by this lane any more, in memory. */
  get position(): number {
    return this.#position;
  }

  get attached(): boolean {
    return this.#link !== undefined;
  }

  get inFlight(): number {
    return this.#sent.rows;
  }

  /** Whether everything that has been counted is settled. */
  get isSettled(): boolean {
    return (
      this.#cursor >= this.#host.counted && this.#sent.rows === 0 && this.#open.isEmpty && !this.#gap.whole
    );
  }

  /** New rows have been counted. */
  wake(): void {
    this.#signal.raise();
  }

  attach(link: Link): void {
    this.detach();
    this.#link = link;
    this.#run(link).catch((error: unknown) => this.#fail(link, error));
  }

  /** Lets go of the link, if it is that one; what wasn't confirmed will be sent again. */
  detach(link: Link | undefined = this.#link): void {
    if (!this.#link || link !== this.#link) return;
    this.#link = undefined;
    this.#gap.putBack();
    this.#dropUnsettledBelow(this.#floor);
    this.#signal.raise();
    this.#signal = new Signal();
    this.#acknowledgements.end();
    this.#acknowledgements = new Acknowledgements();
    this.#open = new Batch();
    this.#sent = new InFlight();
    this.#confirming = false;
    this.#position = this.#cursor;
  }

  #fail(link: Link, error: unknown): void {
    if (link !== this.#link) return;
    this.detach(link);
    const message = error instanceof Error ? error.message : String(error);
    this.#host.ports.report({ type: 'link-failed', peer: this.peer, message });
  }

  /** The Bro's scripts have handled all rows up to and with the number. */
  acknowledge(sequence: number): void {
    this.#settle(sequence);
    this.#acknowledgements.record(sequence);
  }

  /** Goes on at the number without looking at rows below. @returns the numbers passed over, if any */
  jump(to: number): { readonly from: number; readonly to: number } | undefined {
    const from = this.#position;
    this.#floor = Math.max(this.#floor, to);
    if (from >= to) return undefined;
    this.#position = to;
    this.#settlePassed();
    this.#signal.raise();
    return { from, to };
  }

  /** An absent Bro for which nothing is pending needs nothing below. */
  skipTo(position: number): void {
    if (this.#link || position <= this.#cursor) return;
    this.#position = position;
    this.#cursor = position;
    this.#moved();
  }

  addGap(gap: Gap): void {
    this.#gap.add(gap);
    this.#moved();
    this.#signal.raise();
  }

  #dropUnsettledBelow(floor: number): void {
    if (this.#cursor >= floor) return;
    const names: Record<string, number> = {};
    let rows = 0;
    for (const batch of [...this.#sent.batches, this.#open]) {
      for (const [name, dropped] of batch.dropBelow(floor)) {
        names[name] = (names[name] ?? 0) + dropped;
        rows += dropped;
      }
    }
    const first = this.#cursor;
    this.#cursor = floor;
    if (rows > 0) {
      const gap = {
        first,
        last: floor - 1,
        rows,
        reason: 'the connection broke before they were confirmed, and the journal was full',
      };
      this.#host.ports.report({ type: 'gap', peer: this.peer, gap, names });
      this.addGap(gap);
    } else this.#moved();
  }

  #moved(): void {
    const position = this.#cursor;
    const gap = this.#gap.whole;
    this.#host.moved(this, gap ? { position, gap } : { position });
  }

  async #run(link: Link): Promise<void> {
    while (link === this.#link) {
      await this.#tellGap(link);
      if (link !== this.#link) return;
      const { counted } = this.#host;
      const scanned = await this.#host.next(this, this.#position);
      if (link !== this.#link) return;
      if (scanned) {
        await this.#deliver(link, scanned);
        continue;
      }
      this.#position = Math.max(this.#position, counted);
      // With nothing on its way what there is goes at once; else it gathers until the Bro confirms.
      if (!this.#open.isEmpty && !this.#confirming) await this.#flush(link);
      else {
        this.#settlePassed();
        await this.#signal.rest();
        await this.#host.ports.yieldTurn();
      }
    }
  }

  /** Like a row, a gap counts as told once the Bro has taken it in. */
  async #tellGap(link: Link): Promise<void> {
    const gap = this.#gap.tell();
    if (!gap) return;
    const said = await this.#host.ports.notifyGap(this.peer, gap);
    if (said) await link.confirm();
    if (link !== this.#link) return;
    if (!said) return this.#gap.putBack();
    this.#gap.told();
    this.#moved();
  }

  async #deliver(link: Link, { entry, parcels }: ScannedEntry): Promise<void> {
    const asEvent = entry.kind === 'event';
    for (const parcel of parcels) {
      const ledger = this.#host.ledger(parcel.name);
      if (ledger?.peer !== this.peer) continue;
      const load = this.#loader.prepare(parcel, ledger, asEvent);
      // An event has one number in all the queries that it satisfies, so all of them are loaded in one go.
      if (asEvent) {
        if (this.#position > parcel.first) break;
        if (load) this.#loader.load(this.#open, load, 0);
        else this.#open.skip(ledger, 'ended', 1, parcel.first);
      } else if (load) await this.#deliverRows(link, load);
      else this.#skipRest(parcel, ledger, 'ended');
      if (link !== this.#link) return;
    }
    this.#position = Math.max(this.#position, entry.next);
    this.#settlePassed();
    if (this.#isFull()) await this.#flush(link);
    const turn = this.#takeTurns();
    if (turn) await turn;
  }

  async #deliverRows(link: Link, load: Load): Promise<void> {
    const { ports } = this.#host;
    const { parcel, ledger } = load;
    const limit = ports.rowsPerResult(this.peer);
    // Rows may be given up, and the position moved on, whenever others have their turn.
    for (;;) {
      const index = Math.max(0, this.#position - parcel.first);
      if (index >= parcel.item.rowCount) return;
      if (index >= limit) {
        const rows = this.#skipRest(parcel, ledger, 'limit');
        ports.report({ type: 'result-cut', peer: this.peer, name: parcel.name, rows, limit });
        return;
      }
      this.#loader.load(this.#open, load, index);
      this.#position = parcel.first + index + 1;
      if (this.#isFull()) {
        await this.#flush(link);
      } else {
        const turn = this.#takeTurns();
        if (turn) await turn;
      }
      if (link !== this.#link) return;
    }
  }

  /** Now and then lets others have their turn. */
  #takeTurns(): Promise<void> | undefined {
    this.#turn += 1;
    return this.#turn % TURN === 0 ? this.#host.ports.yieldTurn() : undefined;
  }

  #isFull(): boolean {
    const { batchRows, batchBytes } = this.#host.limits;
    return this.#open.rows >= batchRows || this.#open.bytes >= batchBytes;
  }

  #skipRest(parcel: Parcel, ledger: Ledger, reason: string): number {
    const end = parcel.first + parcel.item.rowCount;
    const rows = end - Math.max(parcel.first, this.#position);
    if (rows <= 0) return 0;
    this.#open.skip(ledger, reason, rows, end - 1);
    this.#position = end;
    return rows;
  }

  /** Gives the open batch to the link; waits while the link, or the Bro, has had enough. That was a turn's work. */
  async #flush(link: Link): Promise<void> {
    const batch = this.#open;
    if (batch.isEmpty) return;
    this.#open = new Batch();
    batch.upTo = this.#position;
    batch.bookSent();
    this.#sent.add(batch);
    for (const { topic, events } of batch.takeGroups()) {
      await link.send(topic, events);
      if (link !== this.#link) return;
    }
    batch.handed = true;
    if (!this.#confirming) {
      this.#confirming = true;
      this.#confirm(link).catch((error: unknown) => this.#fail(link, error));
    }
    const { windowRows, windowBytes } = this.#host.limits;
    while (link === this.#link && (this.#sent.rows >= windowRows || this.#sent.bytes >= windowBytes)) {
      await this.#signal.rest();
    }
    await this.#host.ports.yieldTurn();
  }

  /** Asks for confirmation until nothing that was sent lacks it, one question at a time. */
  async #confirm(link: Link): Promise<void> {
    const { ports, limits } = this.#host;
    const acknowledgements = this.#acknowledgements;
    for (;;) {
      const upTo = this.#sent.lastHanded;
      if (upTo === undefined) break;
      const marker = acknowledgements.silent ? undefined : ports.marker(this.peer, upTo);
      if (marker) await link.send(marker.topic, [marker.event]);
      await link.confirm();
      if (marker && !(await acknowledgements.reach(upTo, limits.acknowledgeGrace, ports))) {
        ports.report({ type: 'acknowledgements-missing', peer: this.peer });
      }
      if (link !== this.#link) return;
      this.#settle(upTo);
    }
    this.#confirming = false;
    this.#signal.raise();
  }

  #settle(upTo: number): void {
    const below = this.#sent.settle(upTo);
    if (below === undefined) return;
    this.#cursor = Math.max(this.#cursor, below);
    this.#settlePassed();
    this.#moved();
    this.#signal.raise();
  }

  /** Books what was passed over since the last batch, or leaves that to the batch before it. */
  #settlePassed(): void {
    if (!this.#open.isEmpty) return;
    const passed = this.#open;
    this.#open = new Batch();
    passed.upTo = this.#position;
    const last = this.#sent.batches.at(-1);
    if (last) {
      last.absorb(passed);
      return;
    }
    passed.settle();
    if (this.#position <= this.#cursor) return;
    this.#cursor = this.#position;
    this.#moved();
  }
}
