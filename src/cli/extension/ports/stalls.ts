import type { Clock } from '../../../broker/connection.ts';

/** Milliseconds between two beats. */
const BEAT = 1_000;

/**
 * Milliseconds without a beat after which a log call of osqueryd may have been lost: before each it pings us, waits ten
 * seconds for the answer (extensionPathActive in osquery's extensions.cpp), and gives the call up without one.
 */
const LONGEST = 9_000;

/**
 * Notices that this process has stood still, stopped by a signal or kept from running: osqueryd may have lost results
 * meanwhile, though it knows us all the time.
 */
export class Stalls {
  readonly #clock: Clock;
  readonly #onStall: (milliseconds: number) => void;
  #last: number;
  #beat: unknown;

  /** @param clock one that goes on while the process does not */
  constructor(clock: Clock, onStall: (milliseconds: number) => void) {
    this.#clock = clock;
    this.#onStall = onStall;
    this.#last = clock.now();
    this.#schedule();
  }

  /** Looks now: what comes in is not to be taken before what was lost is known of. */
  look(): void {
    const now = this.#clock.now();
    const stood = now - this.#last;
    this.#last = now;
    if (stood >= LONGEST) this.#onStall(stood);
  }

  stop(): void {
    this.#clock.clearTimeout(this.#beat);
  }

  #schedule(): void {
    this.#beat = this.#clock.setTimeout(() => {
      this.look();
      this.#schedule();
    }, BEAT);
  }
}
