import type { Clock } from './connection.ts';

/** What is waited for now, one thing at a time, and what is done when it doesn't come. */
export class Deadline {
  readonly #clock: Clock;
  #timer: unknown;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** In place of what was waited for before. */
  set(milliseconds: number, onMissed: () => void): void {
    this.clear();
    this.#timer = this.#clock.setTimeout(onMissed, milliseconds);
  }

  clear(): void {
    this.#clock.clearTimeout(this.#timer);
  }
}
