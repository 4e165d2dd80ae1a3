import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { EventLogError } from '../../src/event-log/event-log-error.ts';
import { EVENT_LOG_DEFAULTS, type EventLogOptions } from '../../src/event-log/event-log-store.ts';
import { DAY } from './schedule-words.ts';

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
