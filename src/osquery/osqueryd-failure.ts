import type { StatusLine } from './status-log.ts';

/** What osqueryd's own log says of how an osqueryd ended, and of queries that fail. */

/** Why an osqueryd ended. */
export interface OsquerydFailure {
  /** A query, osqueryd's own logger, or something else. */
  readonly blame: 'query' | 'logger' | 'unknown';
  /** The schedule entry that it was about; empty: none. */
  readonly name: string;
  readonly text: string;
}

/** What `requestShutdown` of osqueryd's scheduler says before it ends with 78 (scheduler.cpp, 5.23.1). */
const NOT_KEPT = /^Error adding new results to database for query (.+?): /s;
const NOT_LOGGED = /^Error logging the results of query: (.+?): /s;
/** What an osqueryd says at its start of the query at which its predecessor stood (config.cpp). */
const INTERRUPTED = /^Scheduled query may have failed: (.+)$/s;
/** What it says of a query that can't be run, at each run (scheduler.cpp). */
const NOT_RUN = /^Error executing scheduled query (.+?): (.*)$/s;

/** The failure that has ended the osqueryd that said this; null where it is about none. */
export function failureIn({ severity, file, message }: StatusLine): OsquerydFailure | null {
  // shutdown.cpp says what osqueryd ends of, and nothing else as an error.
  if (severity !== 'error' || file !== 'shutdown.cpp') return null;
  const notKept = NOT_KEPT.exec(message);
  if (notKept) {
    // A full disk ends osqueryd at any query.
    const isOfQuery = /Error serializing JSON/.test(message);
    return { blame: isOfQuery ? 'query' : 'unknown', name: notKept[1] ?? '', text: message };
  }
  const notLogged = NOT_LOGGED.exec(message);
  if (notLogged) return { blame: 'logger', name: notLogged[1] ?? '', text: message };
  return { blame: 'unknown', name: '', text: message };
}

/** The query that the former osqueryd was executing when it ended, as this one says at its start; else null. */
export function interruptedQuery({ severity, message }: StatusLine): string | null {
  return severity === 'warning' ? (INTERRUPTED.exec(message)?.[1] ?? null) : null;
}

/** The query that could not be run, and why; null where the line is about something else. */
export function failedQuery({
  severity,
  message,
}: StatusLine): { readonly name: string; readonly reason: string } | null {
  const match = severity === 'error' ? NOT_RUN.exec(message) : null;
  return match ? { name: match[1] ?? '', reason: match[2] ?? '' } : null;
}
