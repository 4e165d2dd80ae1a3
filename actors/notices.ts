import type { Suspension } from '../src/schedule/breaker.ts';
import type { EventOf } from '../src/schedule/events.ts';
import { shortened } from '../src/text/shortened.ts';
import type { Column } from '../src/vocabulary/model.ts';

/** Notices to Zeeks about their queries, for the authors of their scripts. */

export function suspensionNotice(event: EventOf<'QuerySuspended'> | EventOf<'QueryResumed'>): string {
  return event.type === 'QuerySuspended'
    ? suspendedNotice(event.data)
    : 'this host runs this query again; it had been suspended because osqueryd exited';
}

/** Why the query does not run. */
export function suspendedNotice({ reason, until }: Pick<Suspension, 'reason' | 'until'>): string {
  const time = new Date(until).toISOString().replace(/\.\d+Z$/, 'Z');
  return reason === 'osqueryd-died'
    ? `osqueryd on this host exited twice while it ran this query; the query is suspended until ${time}, or until it is unsubscribed and subscribed again`
    : `osqueryd on this host exits again and again, and the query that causes it is not known yet; this one is suspended until ${time} at the latest, while others are tried`;
}

/** osquery said so at a run of the query. */
export function failureNotice(text: string): string {
  return `osquery can't run this query: ${text}`;
}

/** osquery's columns have changed while the query was subscribed. */
export function columnsNotice(columns: readonly Column[]): string {
  const list = columns.map(({ name, type }) => `${name} ${type}`).join(', ');
  return `the columns of this query have changed on this host; it restarts with  ${shortened(list, 500)}`;
}
