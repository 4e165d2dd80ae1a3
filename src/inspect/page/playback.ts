import type { TimeScale } from '../time-scale.ts';

/** Times as fast as it happened. */
export const SPEEDS = [1, 10, 60, 600] as const;

/** Lets recorded time go by, as fast as is wished; in gaps it hurries as the scale does. */
export class Playback {
  speed: number = SPEEDS[1];
  /** The place on the scale, and when that was; null while it stands still. */
  #at: { readonly place: number; readonly since: number } | null = null;

  get isPlaying(): boolean {
    return this.#at !== null;
  }

  /** @param now our clock, milliseconds */
  start(place: number, now: number): void {
    this.#at = { place, since: now };
  }

  stop(): void {
    this.#at = null;
  }

  /** The moment of now; stands still at the end. Null while nothing is played. */
  moment(scale: TimeScale, now: number): number | null {
    if (!this.#at) return null;
    const place = this.#at.place + (now - this.#at.since) * this.speed;
    if (place >= scale.length) {
      this.#at = null;
      return scale.momentAt(scale.length);
    }
    this.#at = { place, since: now };
    return scale.momentAt(place);
  }
}
