import { reasonOf } from '../text/reason.ts';
import type { Gap } from '../vocabulary/model.ts';
import { Arrivals } from './arrivals.ts';
import type { Batch } from './batch.ts';
import type { PeerCursor } from './cursors.ts';
import type { RowCounter } from './delivery-counts.ts';
import type { CourierLimits, CourierPorts, Link } from './ports.ts';
import { RowLoader } from './row-loader.ts';
import type { ScannedEntry } from './scanned-entry.ts';
import { SendLoop, type SendLoopHost } from './send-loop.ts';
import { firstPace, slower } from './send-pace.ts';
import { UnreportedGap } from './unreported-gap.ts';

/** What a sender asks of its courier. */
export interface PeerSenderHost {
  readonly ports: CourierPorts;
  readonly limits: CourierLimits;
  /** All rows below have been counted. */
  readonly counted: number;
  /** The first counted entry that holds a number of at least `position`. */
  next(sender: PeerSender, position: number): Promise<ScannedEntry | undefined>;
  counter(name: string): RowCounter | undefined;
  /** The cursor or the gap has changed. */
  moved(sender: PeerSender, cursor: PeerCursor): void;
}

/**
 * One Bro's way through the journal, whatever link it has or hasn't: from its cursor on rows are read and sent, and the
 * cursor moves when the Bro has confirmed. A sender waits only for its own Bro, and nothing waits for a sender.
 */
export class PeerSender implements SendLoopHost {
  readonly peer: string;
  readonly ports: CourierPorts;
  readonly limits: CourierLimits;
  readonly loader: RowLoader;
  /** When those of its rows came that may not be settled yet. */
  readonly arrivals = new Arrivals();
  /** The number of the next row to look at; all below are settled, in a batch, or lost. */
  position: number;
  readonly #host: PeerSenderHost;
  readonly #gap: UnreportedGap;
  #cursor: number;
  /** The journal has nothing below any more. */
  #floor = 0;
  // Replaced with the link: the loop of a former one may never end.
  #loop: SendLoop | undefined;

  constructor(peer: string, host: PeerSenderHost, cursor: PeerCursor) {
    this.peer = peer;
    this.ports = host.ports;
    this.limits = host.limits;
    this.loader = new RowLoader(peer, host.ports, host.limits);
    this.position = cursor.position;
    this.#host = host;
    this.#gap = new UnreportedGap(cursor.gap);
    this.#cursor = cursor.position;
  }

  /** All rows numbered below are settled. */
  get cursor(): number {
    return this.#cursor;
  }

  /** What the Bro will never get and may not know yet. */
  get unreportedGap(): Gap | undefined {
    return this.#gap.whole;
  }

  get attached(): boolean {
    return this.#loop !== undefined;
  }

  get inFlight(): number {
    return this.#loop?.inFlight ?? 0;
  }

  get counted(): number {
    return this.#host.counted;
  }

  /** Whether everything that has been counted is settled. */
  get isSettled(): boolean {
    const isIdle = this.#loop?.isIdle ?? true;
    return this.#cursor >= this.#host.counted && isIdle && !this.#gap.whole;
  }

  /** New rows have been counted. */
  wake(): void {
    this.#loop?.wake();
  }

  attach(link: Link): void {
    this.detach();
    this.#loop = new SendLoop(link, this, firstPace(this.limits));
    this.#loop.start();
  }

  /** Lets go of the link, if it is that one; what wasn't confirmed will be sent again. */
  detach(link?: Link): void {
    const loop = this.#loop;
    if (!loop || (link && link !== loop.link)) return;
    this.#loop = undefined;
    this.#gap.putBack();
    this.#dropUnsettledBelow(this.#floor, loop.end());
    this.position = this.#cursor;
  }

  failed(error: unknown): void {
    this.detach();
    const message = reasonOf(error);
    this.ports.report({ type: 'link-failed', peer: this.peer, message });
  }

  /** The Bro's scripts have handled all rows up to and with the number. */
  acknowledge(sequence: number): void {
    this.#loop?.acknowledge(sequence);
  }

  /**
   * What was sent in this run is not all there, or nobody has said that it is: goes on over the same link at the cursor,
   * more slowly, for what was dropped was too much.
   */
  sendAgain(run: number): void {
    const loop = this.#loop;
    if (loop?.pace.run !== run) return;
    this.ports.report({ type: 'rows-missing', peer: this.peer, run });
    this.detach();
    this.#loop = new SendLoop(loop.link, this, slower(loop.pace, this.limits));
    this.#loop.start();
  }

  next(): Promise<ScannedEntry | undefined> {
    return this.#host.next(this, this.position);
  }

  counter(name: string): RowCounter | undefined {
    return this.#host.counter(name);
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
    if (this.#loop) {
      this.#loop.settlePassed();
      this.#loop.wake();
    } else this.settled(to);
    return { from, to };
  }

  /** An absent Bro for which nothing is pending needs nothing below. */
  skipTo(position: number): void {
    if (this.#loop || position <= this.#cursor) return;
    this.position = position;
    this.settled(position);
  }

  addGap(gap: Gap): void {
    this.#gap.add(gap);
    this.#moved();
    this.#loop?.wake();
  }

  takeGap(): Gap | undefined {
    return this.#gap.take();
  }

  gapReported(said: boolean): void {
    if (said) {
      this.#gap.reported();
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
        reason: 'the connection failed before they were confirmed, and the journal was full',
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
