import type { Logger } from 'pino';
import { configUpdate, withNonce } from './config-plugin.ts';
import type { ManagerClient } from './manager-client.ts';
import type { ScheduleWatch } from './schedule-watch.ts';

/** A schedule as osquery's configuration, and what it is known by. */
export interface OrderedSchedule {
  readonly hash: string;
  readonly config: { readonly schedule: Readonly<Record<string, unknown>> };
}

export interface UpdaterParts {
  readonly client: Pick<ManagerClient, 'call' | 'query'>;
  /** Is told what osquery has taken. */
  readonly watch: Pick<ScheduleWatch, 'taken'>;
  /** Makes a text that osquery has not seen. */
  readonly nonce: () => string;
  readonly log: Pick<Logger, 'info'>;
}

/** Gives osquery the schedules that it is given, one after the other. */
export class ScheduleUpdater {
  readonly #parts: UpdaterParts;
  #last: Promise<unknown> = Promise.resolve();
  /** What osquery is to run besides. */
  #extra: Readonly<Record<string, unknown>> = {};

  constructor(parts: UpdaterParts) {
    this.#parts = parts;
  }

  /** Resolves once osquery has the schedule, as reading it back shows; rejects with why it hasn't. */
  readonly apply = (
    ordered: OrderedSchedule,
  ): Promise<{ readonly hash: string; readonly entries: number }> => {
    const applying = this.#last.catch(() => {}).then(() => this.#apply(ordered));
    this.#last = applying;
    return applying;
  };

  /** The same, with these entries besides; they stay with the schedules that follow, until others take their place. */
  readonly applyWith = (ordered: OrderedSchedule, extra: Readonly<Record<string, unknown>>) => {
    this.#extra = extra;
    return this.apply(ordered);
  };

  /** A text that differs each time: osquery takes one that it has seen for unchanged even where it has dropped that. */
  async #apply({ hash, config }: OrderedSchedule) {
    const { client, watch, nonce, log } = this.#parts;
    const names = Object.keys(config.schedule);
    const extra = this.#extra;
    const schedule = { ...config.schedule, ...extra };
    const text = withNonce(JSON.stringify({ ...config, schedule }), nonce());
    const { status } = await client.call('config', 'update', configUpdate(text));
    if (status.code !== 0) throw new Error(`osquery refused the schedule: ${status.message}`);
    const present = new Set(
      (await client.query('SELECT name FROM osquery_schedule')).map((row) => row['name']),
    );
    const missing = Object.keys(schedule).filter((name) => !present.has(name));
    if (missing.length > 0) {
      throw new Error(
        `osquery applied the schedule without ${missing.length} of its queries: ${missing.slice(0, 5).join(', ')}`,
      );
    }
    watch.taken(names);
    log.info({ area: 'schedule', entries: names.length }, 'osquery applied the schedule');
    return { hash, entries: names.length };
  }
}
