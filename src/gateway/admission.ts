import type { Clock } from '../broker/connection.ts';
import { Pace } from './pace.ts';

export interface AdmissionOptions {
  readonly clock: Clock;
  /** Turns that begin a second. */
  readonly perSecond: number;
  /** Turns that may be under way at once. */
  readonly atOnce: number;
  /** Milliseconds after which who has had no turn is sent away. */
  readonly patience: number;
}

interface Waiter<Guest> {
  readonly guest: Guest;
  readonly since: number;
}

/**
 * Lets guests in one after the other, at a pace and so many at once. When ten thousand come together, those who have
 * a turn get through, and the others are told at once to come later, in place of all being slow until all give up.
 */
export class Admission<Guest> {
  readonly #options: AdmissionOptions;
  readonly #letIn: (guest: Guest) => Promise<void>;
  readonly #sendAway: (guest: Guest) => void;
  readonly #pace: Pace;
  #waiting: Waiter<Guest>[] = [];
  #underWay = 0;
  #timer: unknown;
  #ended = false;

  /** @param letIn the guest's turn, which lasts until it resolves; it does not reject */
  constructor(
    options: AdmissionOptions,
    letIn: (guest: Guest) => Promise<void>,
    sendAway: (guest: Guest) => void,
  ) {
    this.#options = options;
    this.#letIn = letIn;
    this.#sendAway = sendAway;
    this.#pace = new Pace(options.perSecond, options.clock.now(), 0.25);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  add(guest: Guest): void {
    if (this.#ended) {
      this.#sendAway(guest);
      return;
    }
    this.#waiting.push({ guest, since: this.#options.clock.now() });
    this.#next();
  }

  /** Everybody who waits is sent away, and whoever still comes. */
  end(): void {
    this.#ended = true;
    this.#options.clock.clearTimeout(this.#timer);
    for (const { guest } of this.#waiting.splice(0)) this.#sendAway(guest);
  }

  #next(): void {
    const { clock, atOnce, patience } = this.#options;
    const now = clock.now();
    const expired = this.#waiting.findIndex(({ since }) => now - since < patience);
    for (const { guest } of this.#waiting.splice(0, expired < 0 ? this.#waiting.length : expired)) {
      this.#sendAway(guest);
    }
    while (this.#waiting.length > 0 && this.#underWay < atOnce && this.#timer === undefined) {
      const turn = this.#waiting.shift();
      if (!turn) break;
      const pause = this.#pace.take(1, now);
      this.#underWay += 1;
      void this.#letIn(turn.guest).then(() => {
        this.#underWay -= 1;
        if (!this.#ended) this.#next();
      });
      if (pause > 0) {
        this.#timer = clock.setTimeout(() => {
          this.#timer = undefined;
          this.#next();
        }, pause);
      }
    }
  }
}
