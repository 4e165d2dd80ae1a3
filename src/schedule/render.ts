import { createHash } from 'node:crypto';
import type { RepeatedQuery } from '../vocabulary/model.ts';
import type { ScheduleState } from './schedule.ts';
import { runnable } from './suspensions.ts';
import { isForOsquery, osquerySql, type Translation } from './translation.ts';

/** A schedule entry in osquery's config, `interval` in seconds. */
export interface ScheduleEntry {
  readonly query: string;
  readonly interval: number;
  /** False: rows that disappear are not reported. */
  readonly removed?: false;
  /** All rows at each run instead of differences. */
  readonly snapshot?: true;
  /** Makes osquery (5.17 and later) run the query at once, not first after its interval. */
  readonly startup_priority: 1;
}

/** What osquery is given as our source of its configuration. */
export interface OsqueryConfig {
  readonly schedule: Readonly<Record<string, ScheduleEntry>>;
}

/** The schedule as osquery is given it. */
export interface RenderedSchedule {
  /** See {@link contentHash}. */
  readonly hash: string;
  readonly config: OsqueryConfig;
}

/** Renders the state once, for whoever needs it in this form. */
export function renderedOf(state: ScheduleState): RenderedSchedule {
  const config = render(state);
  return { hash: contentHash(config), config };
}

/** What an entry is made of. */
interface Scheduled {
  readonly query: RepeatedQuery;
  readonly translation?: Translation | undefined;
}

/**
 * The state as osquery's config, without what is left out of it: the same state always gives the same text. Entries Bro by Bro, each one's in the
 * order it asked.
 */
export function render(state: ScheduleState): OsqueryConfig {
  const schedule: Record<string, ScheduleEntry> = {};
  for (const subscription of runnable(state)) {
    if (isForOsquery(subscription)) schedule[subscription.name] = renderEntry(subscription);
  }
  return { schedule };
}

/**
 * One query as osquery schedules it. REMOVED is rendered as BOTH: osquery can leave out removed rows, not
 * added ones; those the courier lets go.
 */
function renderEntry(one: Scheduled): ScheduleEntry {
  const { query } = one;
  const common = { query: osquerySql(one), interval: query.interval, startup_priority: 1 } as const;
  switch (query.updateType) {
    case 'SNAPSHOT':
      return { ...common, snapshot: true };
    case 'ADDED':
      return { ...common, removed: false };
    case 'BOTH':
    case 'REMOVED':
      return common;
    default:
      return query.updateType satisfies never;
  }
}

/** Bytes that an entry takes in the config's JSON text, its comma included; none for one that osquery doesn't run. */
export function entryBytes(name: string, one: Scheduled): number {
  if (!isForOsquery(one)) return 0;
  return Buffer.byteLength(JSON.stringify({ [name]: renderEntry(one) }), 'utf8') - 1;
}

/** The SHA-256 of the config's JSON text, in hex: two states with the same hash need no update of osquery. */
export function contentHash(config: OsqueryConfig): string {
  return createHash('sha256').update(JSON.stringify(config)).digest('hex');
}
