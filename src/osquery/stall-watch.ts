/** Milliseconds between two looks at the clock. */
const INTERVAL = 1_000;

/**
 * Milliseconds between two looks after which a log call of osqueryd may have been lost: before each it pings us, waits ten
 * seconds for the answer (extensionPathActive in osquery's extensions.cpp), and gives the call up without one.
 */
const LONGEST = 9_000;

/** A clock that goes on while the process does not. */
export interface SteadyClock {
  /** Milliseconds. */
  now(): number;
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
}

/**
 * Notices that this process has stood still, stopped by a signal or kept from running: osqueryd may have lost results
 * meanwhile, though it knows us all the time.
 */
export class StallWatch {
  readonly #clock: SteadyClock;
  readonly #onStall: (milliseconds: number) => void;
  #last: number;
  #timer: unknown;

  /** @param onStall told how many milliseconds it stood still */
  constructor(clock: SteadyClock, onStall: (milliseconds: number) => void) {
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
    this.#clock.clearTimeout(this.#timer);
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.look();
      this.#schedule();
    }, INTERVAL);
  }
}
