import type { Clock } from '../broker/connection.ts';
import type { GatewayMessages } from './gateway-messages.ts';

export interface HandledRowsParts {
  readonly messages: Pick<GatewayMessages, 'acknowledges' | 'askFor'>;
  readonly clock: Clock;
  readonly onProblem: (problem: string) => void;
}

/** How long a package may take for an acknowledgement before Broker's word counts, as on hosts. */
const GRACE = 30_000;

/**
 * When rows of a stream have been handled: the Zeek's Broker has taken them in, and its scripts have, where this
 * project's package is there to say so. One question at a time is open.
 */
export class HandledRows {
  readonly #parts: HandledRowsParts;
  /** What Broker has taken in, in that order, with its number. */
  #arrived: { readonly number: number; readonly settled: () => void }[] = [];
  #number = 0;
  /** The number that was asked for; 0: none. */
  #asked = 0;
  #grace: unknown;
  /** It was asked in vain. */
  #isSilent = false;

  constructor(parts: HandledRowsParts) {
    this.#parts = parts;
  }

  /** The Zeek's Broker has taken rows in. */
  arrived(settled: () => void): void {
    if (!this.#parts.messages.acknowledges || this.#isSilent) {
      settled();
      return;
    }
    this.#number += 1;
    this.#arrived.push({ number: this.#number, settled });
    this.#ask();
  }

  /** The package has handled everything up to the number. */
  acknowledged(number: number): void {
    if (this.#asked === 0 || number < this.#asked) return;
    this.#parts.clock.clearTimeout(this.#grace);
    this.#settle(this.#asked);
    this.#asked = 0;
    this.#ask();
  }

  /** The Zeek is gone: nothing is settled any more. */
  end(): void {
    this.#parts.clock.clearTimeout(this.#grace);
    this.#arrived = [];
  }

  #ask(): void {
    if (this.#asked > 0 || this.#arrived.length === 0) return;
    this.#asked = this.#number;
    this.#parts.messages.askFor(this.#asked);
    this.#grace = this.#parts.clock.setTimeout(() => {
      this.#isSilent = true;
      this.#parts.onProblem(
        "the Zeek's package does not acknowledge rows of the stream: Broker's acknowledgement counts from now on",
      );
      this.#settle(this.#number);
    }, GRACE);
  }

  #settle(upTo: number): void {
    const later = this.#arrived.findIndex(({ number }) => number > upTo);
    for (const { settled } of this.#arrived.splice(0, later < 0 ? this.#arrived.length : later)) settled();
  }
}
