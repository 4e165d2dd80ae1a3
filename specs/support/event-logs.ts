import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { EventLogError } from '../../src/event-log/event-log-error.ts';
import {
  EVENT_LOG_DEFAULTS,
  type EventLogOptions,
  openEventLog,
} from '../../src/event-log/event-log-store.ts';
import type { Command } from '../../src/schedule/commands.ts';
import { decide } from '../../src/schedule/decide.ts';
import { DEFAULT_POLICY } from '../../src/schedule/policy.ts';
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

/** Writes what the commands come to into the directory's log and closes it. */
export async function writeLog(
  directory: string,
  commands: readonly Command[],
  changes: Partial<EventLogOptions> = {},
): Promise<void> {
  const log = await openEventLog(logOptions(directory, changes));
  for (const command of commands) {
    await log.append(decide(log.state, command, DEFAULT_POLICY).events);
  }
  await log.close();
}

/** The names in the directory that match, in order. */
export async function namesIn(directory: string, pattern: RegExp): Promise<string[]> {
  return (await readdir(directory)).filter((name) => pattern.test(name)).sort();
}
