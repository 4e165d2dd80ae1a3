import { reasonOf } from '../text/reason.ts';
import type { Gap } from '../vocabulary/words.ts';
import type { Ledger } from './accounting.ts';
import { Arrivals } from './arrivals.ts';
import type { Batch } from './batch.ts';
import type { PeerCursor } from './cursors.ts';
import type { CourierLimits, CourierPorts, Link } from './ports.ts';
import { RowLoader } from './row-loader.ts';
import type { ScannedEntry } from './scanned-entry.ts';
import { Transfer, type TransferHost } from './transfer.ts';
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

/**
 * One Bro's way through the journal, whatever link it has or hasn't: from its cursor on rows are read and sent, and the
 * cursor moves when the Bro has confirmed. A lane waits for nobody but its own Bro, and nobody waits for a lane.
 */
export class Lane implements TransferHost {
  readonly peer: string;
  readonly ports: CourierPorts;
  readonly limits: CourierLimits;
  readonly loader: RowLoader;
  /** When those of its rows came that may not be settled yet. */
  readonly arrivals = new Arrivals();
  /** The number of the next row to look at; all below are settled, in a batch, or lost. */
  position: number;
  readonly #host: LaneHost;
  readonly #gap: UntoldGap;
  #cursor: number;
  /** The journal has nothing below any more. */
  #floor = 0;
  // Replaced with the link: a former one may never let go of its loop.
  #transfer: Transfer | undefined;

  constructor(peer: string, host: LaneHost, cursor: PeerCursor) {
    this.peer = peer;
    this.ports = host.ports;
    this.limits = host.limits;
    this.loader = new RowLoader(peer, host.ports, host.limits);
    this.position = cursor.position;
    this.#host = host;
    this.#gap = new UntoldGap(cursor.gap);
    this.#cursor = cursor.position;
  }

  /** All rows numbered below are settled. */
  get cursor(): number {
    return this.#cursor;
  }

  /** What the Bro will never get and may not know yet. */
  get untold(): Gap | undefined {
    return this.#gap.whole;
  }

  get attached(): boolean {
    return this.#transfer !== undefined;
  }

  get inFlight(): number {
    return this.#transfer?.inFlight ?? 0;
  }

  get counted(): number {
    return this.#host.counted;
  }

  /** Whether everything that has been counted is settled. */
  get isSettled(): boolean {
    const isIdle = this.#transfer?.isIdle ?? true;
    return this.#cursor >= this.#host.counted && isIdle && !this.#gap.whole;
  }

  /** New rows have been counted. */
  wake(): void {
    this.#transfer?.wake();
  }

  attach(link: Link): void {
    this.detach();
    this.#transfer = new Transfer(link, this);
    this.#transfer.start();
  }

  /** Lets go of the link, if it is that one; what wasn't confirmed will be sent again. */
  detach(link?: Link): void {
    const transfer = this.#transfer;
    if (!transfer || (link && link !== transfer.link)) return;
    this.#transfer = undefined;
    this.#gap.putBack();
    this.#dropUnsettledBelow(this.#floor, transfer.end());
    this.position = this.#cursor;
  }

  failed(error: unknown): void {
    this.detach();
    const message = reasonOf(error);
    this.ports.report({ type: 'link-failed', peer: this.peer, message });
  }

  /** The Bro's scripts have handled all rows up to and with the number. */
  acknowledge(sequence: number): void {
    this.#transfer?.acknowledge(sequence);
  }

  next(): Promise<ScannedEntry | undefined> {
    return this.#host.next(this, this.position);
  }

  ledger(name: string): Ledger | undefined {
    return this.#host.ledger(name);
  }

  settled(below: number): void {
    if (below <= this.#cursor) return;
    this.#cursor = below;
    this.#moved();
  }

  /** Goes on at the number without looking at rows below. @returns the numbers passed over, if any */
  jump(to: number): { readonly from: number; readonly to: number } | undefined {
    const from = this.position;
    this.#floor = Math.max(this.#floor, to);
    if (from >= to) return undefined;
    this.position = to;
    if (this.#transfer) {
      this.#transfer.settlePassed();
      this.#transfer.wake();
    } else this.settled(to);
    return { from, to };
  }

  /** An absent Bro for which nothing is pending needs nothing below. */
  skipTo(position: number): void {
    if (this.#transfer || position <= this.#cursor) return;
    this.position = position;
    this.settled(position);
  }

  addGap(gap: Gap): void {
    this.#gap.add(gap);
    this.#moved();
    this.#transfer?.wake();
  }

  tellGap(): Gap | undefined {
    return this.#gap.tell();
  }

  gapTold(said: boolean): void {
    if (said) {
      this.#gap.told();
      this.#moved();
    } else this.#gap.putBack();
  }

  /** Gives up what the journal can't give again. */
  #dropUnsettledBelow(floor: number, unsettled: readonly Batch[]): void {
    if (this.#cursor >= floor) return;
    const names: Record<string, number> = {};
    let rows = 0;
    for (const batch of unsettled) {
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
      this.ports.report({ type: 'gap', peer: this.peer, gap, names });
      this.addGap(gap);
    } else this.#moved();
  }

  #moved(): void {
    const position = this.#cursor;
    const gap = this.#gap.whole;
    this.#host.moved(this, gap ? { position, gap } : { position });
  }
}
