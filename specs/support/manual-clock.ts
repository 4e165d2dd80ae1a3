import type { Clock } from '../../src/broker/connection.ts';

export interface ManualClock extends Clock {
  /** Lets time pass; timers fire in order, at their own time. */
  advance(milliseconds: number): void;
  /** Lets time pass in which nobody could run; timers that were due then fire late, with the next {@link advance}. */
  holdUp(milliseconds: number): void;
  /** Timers that are set. */
  readonly pending: number;
}

/** A clock that stands still until it is told to go on. */
export function manualClock(): ManualClock {
  let time = 0;
  let next = 1;
  const timers = new Map<number, { readonly at: number; readonly callback: () => void }>();
  return {
    now: () => time,
    setTimeout(callback, milliseconds) {
      timers.set(next, { at: time + milliseconds, callback });
      next += 1;
      return next - 1;
    },
    clearTimeout(timer) {
      timers.delete(timer as number);
    },
    advance(milliseconds) {
      const end = time + milliseconds;
      for (;;) {
        const [id, timer] =
          [...timers].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at)[0] ?? [];
        if (id === undefined || timer === undefined) break;
        timers.delete(id);
        time = Math.max(time, timer.at);
        timer.callback();
      }
      time = end;
    },
    holdUp(milliseconds) {
      time += milliseconds;
    },
    get pending() {
      return timers.size;
    },
  };
}
