import type { Clock } from '../broker/connection.ts';

/** Milliseconds between two readings while all is well. */
const CALM = 60_000;

/** Milliseconds after the first reading that came to nothing; each further one doubles them, up to a calm. */
const HASTE = 1_000;

/**
 * Reads again and again, one reading after the other: once a minute, and much sooner after one that came to nothing.
 * An osqueryd that is starting, a configuration server that is down and a file that is being replaced all have an
 * answer soon, and until then a host may be without its Zeeks.
 */
export class RefreshCycle {
  readonly #clock: Clock;
  readonly #read: () => Promise<boolean>;
  #timer: unknown;
  #haste = HASTE;
  #isReading = false;
  #isWanted = false;
  #ended = false;

  /** @param read never rejects; resolves with whether it came to something good */
  constructor(clock: Clock, read: () => Promise<boolean>) {
    this.#clock = clock;
    this.#read = read;
  }

  /** Reads now, or as soon as the reading under way has ended. */
  refresh(): void {
    if (this.#ended) return;
    this.#isWanted = true;
    if (!this.#isReading) void this.#readWanted();
  }

  stop(): void {
    this.#ended = true;
    this.#clock.clearTimeout(this.#timer);
  }

  async #readWanted(): Promise<void> {
    this.#clock.clearTimeout(this.#timer);
    this.#isReading = true;
    let isGood = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      isGood = await this.#read();
    }
    this.#isReading = false;
    if (this.#ended) return;
    const pause = isGood ? CALM : this.#haste;
    this.#haste = isGood ? HASTE : Math.min(2 * this.#haste, CALM);
    this.#timer = this.#clock.setTimeout(() => this.refresh(), pause);
  }
}
