import type { Clock } from '../../src/sandbox/osqueryd/clock.ts';

/**
 * A clock whose time goes on only when a spec says so, over real sockets: after each timer that fires, it
 * waits until nothing moves any more on this process's event loop.
 */
export class VirtualClock implements Clock {
  #now: number;
  #activity = 0;
  #timers: { at: number; fire: () => void }[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.touch();
    return new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const timer = { at: this.#now + ms, fire: () => done() };
      const done = () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.#timers.push(timer);
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  /** Says that something moved, so that waiting for quiet goes on. */
  touch(): void {
    this.#activity += 1;
  }

  async advanceTo(time: number): Promise<void> {
    await this.quiet();
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= time).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#now = Math.max(this.#now, next.at);
      next.fire();
      await this.quiet();
    }
    this.#now = Math.max(this.#now, time);
  }

  async advance(ms: number): Promise<void> {
    await this.advanceTo(this.#now + ms);
  }

  /** Waits until several turns of the event loop bring nothing new. */
  async quiet(): Promise<void> {
    for (let idle = 0; idle < 12; ) {
      const before = this.#activity;
      await new Promise((resolve) => setImmediate(resolve));
      idle = this.#activity === before ? idle + 1 : 0;
    }
  }
}
