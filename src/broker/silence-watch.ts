import type { Clock, Timings } from './connection.ts';

/** A timer that fires later than this says that we were held up, not that the peer was silent. */
const HELD_UP = 1_000;

export interface SilenceHandlers {
  /** The peer has been silent for `idle` milliseconds: give it a reason to speak. */
  onIdle(): void;
  onSuspect(suspect: boolean): void;
  /** Silent for `silence` milliseconds, which is more than all bounds together. */
  onLost(silence: number): void;
}

/** Tells a peer that has gone without a word from one that has nothing to say. */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #timings: Pick<Timings, 'idle' | 'suspect' | 'unresponsive'>;
  readonly #handlers: SilenceHandlers;
  #heardAt: number;
  #stage: 'heard' | 'idle' | 'suspect' | 'stopped' = 'heard';
  #timer: unknown;

  constructor(
    clock: Clock,
    timings: Pick<Timings, 'idle' | 'suspect' | 'unresponsive'>,
    handlers: SilenceHandlers,
  ) {
    this.#clock = clock;
    this.#timings = timings;
    this.#handlers = handlers;
    this.#heardAt = clock.now();
    this.#arm(timings.idle);
  }

  /** The peer gave a sign of life. */
  heard(): void {
    this.#heardAt = this.#clock.now();
    const stage = this.#stage;
    if (stage === 'heard' || stage === 'stopped') return;
    this.#stage = 'heard';
    this.#clock.clearTimeout(this.#timer);
    this.#arm(this.#timings.idle);
    if (stage === 'suspect') this.#handlers.onSuspect(false);
  }

  /** Nothing is told any more, whatever is heard. */
  stop(): void {
    this.#stage = 'stopped';
    this.#clock.clearTimeout(this.#timer);
  }

  #arm(milliseconds: number): void {
    const due = this.#clock.now() + milliseconds;
    this.#timer = this.#clock.setTimeout(() => this.#check(this.#clock.now() - due), milliseconds);
  }

  #check(late: number): void {
    // A process that slept or worked has unread answers waiting: what it missed is not the peer's silence.
    if (late > HELD_UP) this.#heardAt += late;
    const silence = this.#clock.now() - this.#heardAt;
    const idle = this.#timings.idle;
    const suspect = idle + this.#timings.suspect;
    const lost = suspect + this.#timings.unresponsive;
    if (silence >= lost) {
      this.#handlers.onLost(silence);
      return;
    }
    this.#arm((silence < idle ? idle : silence < suspect ? suspect : lost) - silence);
    if (silence >= suspect && this.#stage !== 'suspect') {
      this.#stage = 'suspect';
      this.#handlers.onSuspect(true);
    } else if (silence >= idle && this.#stage === 'heard') {
      this.#stage = 'idle';
      this.#handlers.onIdle();
    }
  }
}
