import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { EventLogError } from '../../src/event-log/event-log-error.ts';
import {
  EVENT_LOG_DEFAULTS,
  type EventLogOptions,
  type EventLogStore,
  type OpeningReport,
  openEventLog,
} from '../../src/event-log/event-log-store.ts';
import type { LogRecord } from '../../src/event-log/record.ts';
import type { Command } from '../../src/schedule/commands.ts';
import { decide } from '../../src/schedule/decide.ts';
import type { ScheduleEvent } from '../../src/schedule/events.ts';
import { fold } from '../../src/schedule/evolve.ts';
import { DEFAULT_POLICY } from '../../src/schedule/policy.ts';
import type { ScheduleState } from '../../src/schedule/schedule.ts';
import { DAY } from './schedule-builders.ts';

/** A directory that goes when the test ends. */
export async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bro-osquery-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Options for a log in that directory; warnings fail the test unless it asks for them. */
export function logOptions(directory: string, changes: Partial<EventLogOptions> = {}): EventLogOptions {
  return {
    ...EVENT_LOG_DEFAULTS,
    directory,
    now: () => DAY,
    onWarning: (problem: EventLogError) => {
      throw problem;
    },
    ...changes,
  };
}

/** A log with whoever decides over it: the one that folds what is appended. */
export class OwnedLog {
  readonly log: EventLogStore;
  state: ScheduleState;

  private constructor(log: EventLogStore) {
    this.log = log;
    this.state = log.report.state;
  }

  static async open(options: EventLogOptions): Promise<OwnedLog> {
    return new OwnedLog(await openEventLog(options));
  }

  get seq(): number {
    return this.log.seq;
  }

  get directory(): string {
    return this.log.directory;
  }

  /** What opening found, but for the state. */
  get report(): Omit<OpeningReport, 'state'> {
    const { state: _, ...report } = this.log.report;
    return report;
  }

  get trouble(): EventLogError | null {
    return this.log.trouble;
  }

  async append(events: readonly ScheduleEvent[]): Promise<readonly LogRecord[]> {
    const records = await this.log.append(this.seq, events);
    this.state = fold(this.state, events);
    return records;
  }

  decide(command: Command): Promise<readonly LogRecord[]> {
    return this.append(decide(this.state, command, DEFAULT_POLICY).events);
  }

  close(): Promise<void> {
    return this.log.close();
  }
}

/** Writes what the commands come to into the directory's log and closes it. */
export async function writeLog(
  directory: string,
  commands: readonly Command[],
  changes: Partial<EventLogOptions> = {},
): Promise<void> {
  const log = await OwnedLog.open(logOptions(directory, changes));
  for (const command of commands) await log.decide(command);
  await log.close();
}

/** The names in the directory that match, in order. */
export async function namesIn(directory: string, pattern: RegExp): Promise<string[]> {
  return (await readdir(directory)).filter((name) => pattern.test(name)).sort();
}
