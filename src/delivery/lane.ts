import { isMalformed } from '../osquery/log-item.ts';
import type { Gap } from '../vocabulary/words.ts';
import type { Ledger } from './accounting.ts';
import { Batch } from './batch.ts';
import type { PeerCursor } from './cursors.ts';
import { joinGaps } from './cursors.ts';
import type { CourierLimits, CourierPorts, Deliverable, Link } from './ports.ts';
import { ProblemThrottle } from './problem-throttle.ts';
import { isInitial, unwanted } from './row-filter.ts';
import type { Parcel, ScannedEntry } from './scanned-entry.ts';
import { Signal } from './signal.ts';

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
const TURN = 500;

/**
 * One Bro's rows on their way: reads the journal from the Bro's cursor on, sends, and moves the cursor when the
 * Bro has confirmed. A lane waits for nobody but its own Bro, and nobody waits for a lane.
 */
export class Lane {
  readonly peer: string;
  readonly #host: LaneHost;
  #signal = new Signal();
  readonly #problems = new Map<string, ProblemThrottle>();
  #cursor: number;
  /** The number of the next row to look at; all below are settled, in a batch, or lost. */
  #position: number;
  /** The journal has nothing below any more. */
  #floor = 0;
  #gap: Gap | undefined;
  #link: Link | undefined;
  #open = new Batch();
  #sent: Batch[] = [];
  #sentRows = 0;
  #sentBytes = 0;
  #confirming = false;
  /** The highest number that the Bro's scripts have acknowledged on this link. */
  #acknowledged = -1;
  #scriptsSilent = false;
  #onAcknowledge: (() => void) | undefined;
  #turn = 0;

  constructor(peer: string, host: LaneHost, cursor: PeerCursor) {
    this.peer = peer;
    this.#host = host;
    this.#cursor = cursor.position;
    this.#position = cursor.position;
    this.#gap = cursor.gap;
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
    return this.#sentRows;
  }

  get gap(): Gap | undefined {
    return this.#gap;
  }

  /** Whether everything that has been counted is settled. */
  get isSettled(): boolean {
    return this.#cursor >= this.#host.counted && this.#sent.length === 0 && this.#open.isEmpty && !this.#gap;
  }

  /** New rows have been counted. */
  wake(): void {
    this.#signal.raise();
  }

  attach(link: Link): void {
    this.detach();
    // A former link may never let go of its loop, which then rests on the former signal.
    this.#signal = new Signal();
    this.#link = link;
    this.#acknowledged = -1;
    this.#scriptsSilent = false;
    this.#run(link).catch((error: unknown) => this.#fail(link, error));
  }

  /** Lets go of the link, if it is that one; what wasn't confirmed will be sent again. */
  detach(link: Link | undefined = this.#link): void {
    if (!this.#link || link !== this.#link) return;
    this.#link = undefined;
    this.#dropUnsettledBelow(this.#floor);
    this.#open = new Batch();
    this.#sent = [];
    this.#sentRows = 0;
    this.#sentBytes = 0;
    this.#confirming = false;
    this.#position = this.#cursor;
    this.#onAcknowledge?.();
    this.#signal.raise();
  }

  #fail(link: Link, error: unknown): void {
    if (link !== this.#link) return;
    this.detach(link);
    const message = error instanceof Error ? error.message : String(error);
    this.#host.ports.report({ type: 'link-failed', peer: this.peer, message });
  }

  /** The Bro's scripts have handled all rows up to and with the number. */
  acknowledge(sequence: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, sequence);
    this.#scriptsSilent = false;
    this.#settle(sequence);
    this.#onAcknowledge?.();
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
    this.#gap = joinGaps(this.#gap, gap);
    this.#moved();
    this.#signal.raise();
  }

  #dropUnsettledBelow(floor: number): void {
    if (this.#cursor >= floor) return;
    const names: Record<string, number> = {};
    let rows = 0;
    for (const batch of [...this.#sent, this.#open]) {
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
    this.#host.moved(this, this.#gap ? { position, gap: this.#gap } : { position });
  }

  async #run(link: Link): Promise<void> {
    while (link === this.#link) {
      if (this.#gap) await this.#tellGap(this.#gap);
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
      }
    }
  }

  async #tellGap(gap: Gap): Promise<void> {
    await this.#host.ports.notifyGap(this.peer, gap);
    if (this.#gap === gap) {
      this.#gap = undefined;
      this.#moved();
    }
  }

  async #deliver(link: Link, { entry, parcels }: ScannedEntry): Promise<void> {
    for (const parcel of parcels) {
      const ledger = this.#host.ledger(parcel.name);
      if (ledger?.peer !== this.peer) continue;
      const deliverable = parcel.deliverable ?? this.#host.ports.lookup(parcel.name);
      // An event has one number in all the queries that it satisfies: the position stays until all have it.
      const single = entry.kind === 'event';
      if (deliverable) await this.#deliverParcel(link, parcel, ledger, deliverable, single);
      else this.#skipRest(parcel, ledger, 'ended', single);
      if (link !== this.#link) return;
    }
    this.#position = Math.max(this.#position, entry.next);
    this.#settlePassed();
    this.#turn += 1;
    if (this.#turn % TURN === 0) await this.#host.ports.yieldTurn();
  }

  async #deliverParcel(
    link: Link,
    parcel: Parcel,
    ledger: Ledger,
    deliverable: Deliverable,
    single: boolean,
  ): Promise<void> {
    const { ports } = this.#host;
    const { item, first, unixTime } = parcel;
    const initial = isInitial(item, deliverable);
    const encode = ports.encoderOf(deliverable);
    const limit = ports.rowsPerResult(this.peer);
    for (;;) {
      const number = Math.max(first, this.#position);
      const index = number - first;
      if (index >= item.rowCount) return;
      if (index >= limit) {
        const rows = this.#skipRest(parcel, ledger, 'limit', single);
        ports.report({ type: 'result-cut', peer: this.peer, name: parcel.name, rows, limit });
        return;
      }
      const change = item.changeOf(index);
      const reason = unwanted(change, initial, deliverable);
      if (reason !== undefined) this.#open.skip(ledger, reason, 1, number);
      else {
        const row = item.row(index);
        if (isMalformed(row)) this.#skipProblem(ledger, 'malformed', row.problem, number);
        else if (!single && deliverable.eventBased && ports.wasSentAsEvent?.(parcel.name, row.columns)) {
          this.#open.skip(ledger, 'sent-as-event', 1, number);
        } else {
          const encoded = encode({ change, initial, unixTime, columns: row.columns, sequence: number });
          if ('topic' in encoded) {
            if (!this.#open.isEmpty && this.#open.topic !== encoded.topic) {
              await this.#flush(link);
              if (link !== this.#link) return;
              // Rows may have been given up while the flush waited, this one among them.
              if (this.#position > number && !single) continue;
            }
            this.#open.add(ledger, encoded.topic, encoded.event, number, item.rowBytes(index));
          } else if (encoded.problem === 'null') this.#open.skip(ledger, 'null', 1, number);
          else this.#skipProblem(ledger, encoded.problem, encoded.text, number);
        }
      }
      if (!single) this.#position = number + 1;
      this.#turn += 1;
      if (this.#isFull()) {
        await this.#flush(link);
        await ports.yieldTurn();
      } else if (this.#turn % TURN === 0) await ports.yieldTurn();
      if (single || link !== this.#link) return;
    }
  }

  #isFull(): boolean {
    const { batchRows, batchBytes } = this.#host.limits;
    return this.#open.events.length >= batchRows || this.#open.bytes >= batchBytes;
  }

  #skipRest(parcel: Parcel, ledger: Ledger, reason: string, single: boolean): number {
    const end = parcel.first + parcel.item.rowCount;
    const rows = end - Math.max(parcel.first, this.#position);
    if (rows <= 0) return 0;
    if (reason === 'ended') this.#problems.delete(parcel.name);
    this.#open.skip(ledger, reason, rows, end - 1);
    if (!single) this.#position = end;
    return rows;
  }

  #skipProblem(ledger: Ledger, reason: string, problem: string, number: number): void {
    const { ports, limits } = this.#host;
    this.#open.skip(ledger, reason, 1, number);
    let throttle = this.#problems.get(ledger.name);
    if (!throttle) {
      throttle = new ProblemThrottle(limits.problemInterval, ports.now);
      this.#problems.set(ledger.name, throttle);
    }
    const rows = throttle.count();
    if (rows > 0) ports.report({ type: 'row-problem', peer: this.peer, name: ledger.name, problem, rows });
  }

  async #flush(link: Link): Promise<void> {
    const batch = this.#open;
    if (batch.isEmpty) return;
    this.#open = new Batch();
    batch.upTo = this.#position;
    batch.bookSent();
    this.#sent.push(batch);
    this.#sentRows += batch.events.length;
    this.#sentBytes += batch.bytes;
    await link.send(batch.topic, batch.events);
    batch.handed = true;
    if (link !== this.#link) return;
    if (!this.#confirming) {
      this.#confirming = true;
      this.#confirm(link).catch((error: unknown) => this.#fail(link, error));
    }
    const { windowRows, windowBytes } = this.#host.limits;
    while (link === this.#link && (this.#sentRows >= windowRows || this.#sentBytes >= windowBytes)) {
      await this.#signal.rest();
    }
  }

  /** Asks for confirmation until nothing that was sent lacks it, one question at a time. */
  async #confirm(link: Link): Promise<void> {
    for (;;) {
      const upTo = this.#sent.findLast((batch) => batch.handed)?.last;
      if (upTo === undefined) break;
      const marker = this.#scriptsSilent ? undefined : this.#host.ports.marker(this.peer, upTo);
      if (marker) await link.send(marker.topic, [marker.event]);
      await link.confirm();
      if (marker && link === this.#link) await this.#acknowledgement(link, upTo);
      if (link !== this.#link) return;
      this.#settle(upTo);
    }
    this.#confirming = false;
    this.#signal.raise();
  }

  /** Waits until the Bro's scripts have acknowledged the number, but not for ever. */
  async #acknowledgement(link: Link, upTo: number): Promise<void> {
    const { ports, limits } = this.#host;
    let late = false;
    let raise = () => {};
    const cancel = ports.after(limits.acknowledgeGrace, () => {
      late = true;
      raise();
    });
    while (link === this.#link && this.#acknowledged < upTo && !late) {
      await new Promise<void>((resolve) => {
        raise = resolve;
        this.#onAcknowledge = resolve;
      });
    }
    cancel();
    this.#onAcknowledge = undefined;
    if (link !== this.#link || this.#acknowledged >= upTo) return;
    this.#scriptsSilent = true;
    ports.report({ type: 'acknowledgements-missing', peer: this.peer });
  }

  /** Books all batches whose rows are numbered up to that. */
  #settle(upTo: number): void {
    let settled = 0;
    for (const batch of this.#sent) {
      if (batch.last > upTo || !batch.handed) break;
      batch.settle();
      this.#sentRows -= batch.events.length;
      this.#sentBytes -= batch.bytes;
      this.#cursor = batch.upTo;
      settled += 1;
    }
    if (settled === 0) return;
    this.#sent.splice(0, settled);
    this.#settlePassed();
    this.#moved();
    this.#signal.raise();
  }

  /** Books what was passed over since the last batch, or leaves that to the batch before it. */
  #settlePassed(): void {
    if (!this.#open.isEmpty) return;
    const last = this.#sent.at(-1);
    this.#open.upTo = this.#position;
    if (last) last.absorb(this.#open);
    else {
      this.#open.settle();
      if (this.#position > this.#cursor) {
        this.#cursor = this.#position;
        this.#moved();
      }
    }
    this.#open = new Batch();
  }
}
