import type { Logger } from 'pino';
import { reasonOf } from '../text/reason.ts';
import { loggerNames } from './logger-names.ts';
import type { OsqueryOption } from './manager-values.ts';
import { failedQuery } from './osqueryd-failure.ts';
import { StatusFileFollower } from './status-file-store.ts';
import type { StatusLine } from './status-log.ts';

export interface OsqueryLogParts {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Pick<Logger, 'warn'>;
  /** osquery could not run a query of ours, or can again. */
  readonly onFailed: (name: string, text: string) => void;
  readonly onWorks: (name: string) => void;
  /** osqueryd's flags. */
  readonly flags: () => ReadonlyMap<string, OsqueryOption>;
  /** Names of subscriptions that osquery could not run when it last tried. */
  readonly failing: () => readonly string[];
  /** Is given each line of osqueryd's log once. */
  readonly onLines: (lines: readonly StatusLine[]) => void;
}

/** Milliseconds between two looks into osqueryd's files; its own relay to loggers has that pace, too. */
const PACE = 3_000;
/** Lines that are kept in mind, so that one that comes both ways counts once. */
const REMEMBERED = 2_000;
/** Names that osquery gives our queries begin so. */
const OURS = /^bro_/;
/** Milliseconds by which a run must be later than a failure to be another one: osquery tells whole seconds. */
const ANOTHER_RUN = 2_000;

/**
 * What osqueryd says of itself. With the logger `filesystem` beside us its lines do not come in log calls: that
 * logger shuts glog's sinks down when it starts. They are in its files then.
 */
export class OsqueryLog {
  readonly #parts: OsqueryLogParts;
  readonly #follower = new StatusFileFollower();
  readonly #seen = new Set<string>();
  /** When queries last failed, in milliseconds since the epoch, by name. */
  readonly #failures = new Map<string, number>();
  readonly #begun: number;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #trouble = '';

  constructor(parts: OsqueryLogParts) {
    this.#parts = parts;
    this.#begun = parts.now();
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.look(), PACE);
    void this.look();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Lines that came, or that were found in a file. */
  take(lines: readonly StatusLine[]): void {
    const fresh = lines.filter((line) => this.#isNew(line));
    if (fresh.length === 0) return;
    for (const line of fresh) {
      const failed = failedQuery(line);
      if (!failed || !OURS.test(failed.name)) continue;
      this.#failures.set(failed.name, line.time * 1_000 || this.#parts.now());
      this.#parts.onFailed(failed.name, failed.reason);
    }
    this.#parts.onLines(fresh);
  }

  /** Looks into osqueryd's files for what is new there; one look after the other. Never rejects. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  /**
   * osquery has last run its queries at these times, in milliseconds since the epoch: those that have failed before
   * and not then run again.
   */
  async ran(runs: ReadonlyMap<string, number>): Promise<void> {
    await this.look();
    for (const name of this.#parts.failing()) {
      const failedAt = Math.max(this.#failures.get(name) ?? 0, this.#begun);
      if ((runs.get(name) ?? 0) < failedAt + ANOTHER_RUN) continue;
      this.#failures.delete(name);
      this.#parts.onWorks(name);
    }
  }

  async #look(): Promise<void> {
    const flags = this.#parts.flags();
    if (!loggerNames(flags).includes('filesystem')) return;
    const directory = flags.get('logger_path')?.value ?? '';
    try {
      this.take(await this.#follower.look(directory));
      this.#trouble = '';
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== this.#trouble) {
        this.#parts.log.warn(
          { area: 'osquery' },
          `osqueryd's own log in ${directory} can't be read: ${reason}`,
        );
      }
      this.#trouble = reason;
    }
  }

  #isNew({ time, file, line, message }: StatusLine): boolean {
    const key = `${time} ${file}:${line} ${message}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    if (this.#seen.size > REMEMBERED) {
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
    }
    return true;
  }
}
