import type { Settings } from './settings.ts';

/** What is bound at the start: folders and files that are open, tables that osquery knows. */
const BOUND: Readonly<Record<string, (settings: Settings) => unknown>> = {
  'bro.state_dir': ({ stateDirectory }) => stateDirectory,
  'bro.tables': ({ tables }) => tables,
  'bro.journal_fsync': ({ journal }) => journal.fsync,
  'bro.event_log_fsync': ({ eventLog }) => eventLog.fsync,
  'bro.limits.event_log_age': ({ eventLog }) => eventLog.age,
  'bro.limits.journal_bytes': ({ journal }) => journal.maxBytes,
  'bro.limits.journal_age': ({ journal }) => journal.maxAge,
};

/** The keys whose new value takes effect at the next start alone; all others do at once. */
export function keysForNextStart(started: Settings, next: Settings): string[] {
  return Object.entries(BOUND)
    .filter(([, value]) => value(started) !== value(next))
    .map(([key]) => key);
}
