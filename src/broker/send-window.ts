const KIB = 1024;
/** Bounds of what may be under way unconfirmed, in bytes, and where it starts. */
const SMALLEST = 16 * KIB;
const LARGEST = 4 * KIB * KIB;
const INITIAL = 64 * KIB;
/** Confirmations this many milliseconds old make the window grow, or shrink. */
const SWIFT = 500;
const SLOW = 2_000;
/** A marker after each quarter of the window. */
const MARKERS = 4;

interface Marker {
  readonly token: bigint;
  readonly sent: number;
  readonly at: number;
  readonly waiters: Waiter[];
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * How much may be on its way to a peer that has not confirmed it. Markers (Broker pings) go into the stream;
 * their pongs say that the peer has taken in all before them. The window grows for a peer that confirms
 * swiftly and shrinks for one that doesn't, so that even a very slow peer confirms something every few
 * seconds: it is told from a dead one, and little is lost with it.
 */
export class SendWindow {
  #size = INITIAL;
  #sent = 0;
  #confirmed = 0;
  #marked = 0;
  #nextToken = 1n;
  #markers: Marker[] = [];

  /** Bytes that may be sent unconfirmed now. */
  get size(): number {
    return this.#size;
  }

  /** Bytes sent and not confirmed. */
  get unconfirmed(): number {
    return this.#sent - this.#confirmed;
  }

  get open(): boolean {
    return this.unconfirmed < this.#size;
  }

  /** Markers that have not come back. */
  get outstanding(): number {
    return this.#markers.length;
  }

  /** Counts bytes sent; true if a marker is due. */
  add(bytes: number): boolean {
    this.#sent += bytes;
    return this.#sent - this.#marked >= this.#size / MARKERS || !this.open;
  }

  /** A marker's token, to be sent now. */
  mark(now: number): bigint {
    const token = this.#nextToken;
    this.#nextToken += 1n;
    this.#marked = this.#sent;
    this.#markers.push({ token, sent: this.#sent, at: now, waiters: [] });
    return token;
  }

  /**
   * Resolves when the latest marker comes back. Undefined if no marker covers what was sent: the caller marks
   * and asks again.
   */
  covered(): Promise<void> | undefined {
    const last = this.#markers.at(-1);
    if (last === undefined || last.sent !== this.#sent) return undefined;
    return new Promise((resolve, reject) => last.waiters.push({ resolve, reject }));
  }

  /** A marker came back, and with it all before it. False for an unknown token. */
  confirm(token: bigint, now: number): boolean {
    const index = this.#markers.findIndex((marker) => marker.token === token);
    const marker = this.#markers[index];
    if (marker === undefined) return false;
    const took = now - marker.at;
    if (took <= SWIFT && marker.sent > this.#confirmed) this.#size = Math.min(LARGEST, this.#size * 2);
    if (took > SLOW) this.#size = Math.max(SMALLEST, this.#size / 2);
    this.#confirmed = marker.sent;
    for (const { waiters } of this.#markers.splice(0, index + 1))
      for (const { resolve } of waiters) resolve();
    return true;
  }

  /** Nothing will come back any more. */
  fail(error: Error): void {
    for (const { waiters } of this.#markers.splice(0)) for (const { reject } of waiters) reject(error);
  }
}
