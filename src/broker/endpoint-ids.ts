/** A Bro that still considers a former connection alive refuses our id; after this many refusals in a row we take another. */
const STALE_TIMES = 2;

/**
 * Who we are to each Bro: one id for all, as long as they take it. A Zeek that has not noticed the end of our
 * last connection (it had nothing to send) goes on refusing the id that it believes connected.
 */
export class EndpointIds {
  readonly #id: string;
  readonly #random: () => string;
  readonly #others = new Map<string, { id: string; stale: number }>();

  constructor(id: string, random: () => string) {
    this.#id = id;
    this.#random = random;
  }

  of(peer: string): string {
    return this.#others.get(peer)?.id ?? this.#id;
  }

  /** Learns from how a connection ended. */
  ended(peer: string, code: string): void {
    const known = this.#others.get(peer) ?? { id: this.#id, stale: 0 };
    known.stale = code === 'stale' ? known.stale + 1 : 0;
    if (known.stale >= STALE_TIMES) {
      known.id = this.#random();
      known.stale = 0;
    }
    this.#others.set(peer, known);
  }
}
