import type { Clock } from './clock.ts';
import { unixTime } from './clock.ts';
import type { Config, ScheduleEntry } from './config/config.ts';
import type { Loggers } from './logging/loggers.ts';
import type { StatusLog } from './logging/status-log.ts';
import type { ScheduleLock } from './schedule-lock.ts';

/**
 * Whether a query runs in this second: at the multiples of its splayed interval, and, with a startup
 * priority, once at the start (osquery.md 6).
 */
export function isDue(entry: ScheduleEntry, second: number, hasRun: boolean): boolean {
  const { splayedInterval, startupPriority } = entry.query;
  return (
    (splayedInterval > 0 && second % splayedInterval === 0) || (startupPriority !== undefined && !hasRun)
  );
}

export interface SchedulerOptions {
  readonly clock: Clock;
  readonly config: Config;
  readonly lock: ScheduleLock;
  readonly log: StatusLog;
  readonly loggers: Loggers;
  /** Milliseconds the loop may be late before it gives up catching up. */
  readonly maxDriftMs: number;
  readonly launch: (entry: ScheduleEntry) => Promise<void>;
}

/** The loop of one second that runs the schedule. Seconds it missed are caught up in a burst. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #hasRun = new Set<string>();
  #driftMs = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let second = unixTime(clock); !signal.aborted; second += 1) {
      const started = clock.now();
      await this.tick(second, signal);
      await this.#pause(clock.now() - started, signal);
    }
  }

  /** One second of the schedule. The lock is held until the loggers have answered for all of it. */
  async tick(second: number, signal?: AbortSignal): Promise<void> {
    const { config, lock, loggers, launch } = this.#options;
    await lock.hold(async () => {
      for (const entry of config.schedule()) {
        if (signal?.aborted) return;
        const hasRun = this.#hasRun.has(entry.name);
        if (!isDue(entry, second, hasRun)) continue;
        this.#hasRun.add(entry.name);
        await launch(entry);
      }
    });
    // Relayed beside the loop, which doesn't wait for it.
    if (second % 3 === 0) void loggers.relayStatus();
  }

  async #pause(tookMs: number, signal: AbortSignal): Promise<void> {
    const { clock, maxDriftMs } = this.#options;
    const left = 1000 - tookMs - this.#driftMs;
    if (left > 0) {
      this.#driftMs = 0;
      await clock.sleep(left, signal);
      return;
    }
    this.#driftMs = -left;
    if (this.#driftMs > maxDriftMs) this.#driftMs = 0;
    // Others get their turn even in a burst.
    await clock.sleep(0, signal);
  }
}
