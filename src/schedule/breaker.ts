import { createHash } from 'node:crypto';
import type { RepeatedQuery } from '../vocabulary/model.ts';
import { osquerySql, type Translation } from './translation.ts';

/** What osqueryd runs for a subscription. */
interface Scheduled {
  readonly query: RepeatedQuery;
  readonly translation?: Translation | undefined;
}

/**
 * The circuit breaker between Zeeks and osqueryd: whatever ends osqueryd while a query of theirs runs would do so
 * again at each start, for osqueryd is given the same schedule again. What stood there twice is left out for a day.
 */

/** What the schedule knows of osqueryd's lives and deaths. */
export interface Breaker {
  /** The osqueryd that we are, or were last, registered with. */
  readonly osqueryd: KnownOsqueryd | null;
  /** Deaths at which a query stood, by {@link workOf}; two Zeeks may have the same. */
  readonly strikes: Readonly<Record<string, Strikes>>;
  /** When osqueryd died without a query that could be named, in milliseconds since the epoch; the latest few. */
  readonly unnamedDeaths: readonly number[];
  /** What is left out of osquery's schedule, by name. */
  readonly suspended: Readonly<Record<string, Suspension>>;
  /** The search for a query that could not be named. */
  readonly search: Search | null;
}

/** An osqueryd process. */
export interface OsquerydProcess {
  readonly pid: number;
  /** Seconds since the epoch. */
  readonly startedAt: number;
  /** Id of the system's boot; empty where that can't be told. */
  readonly boot: string;
  readonly version: string;
}

export interface KnownOsqueryd extends OsquerydProcess {
  /** Since when it has run queries of ours, in milliseconds since the epoch; null: it has none. */
  readonly scheduleSince: number | null;
  /** Whether it has told us that it ends. */
  readonly told: boolean;
}

/** What an osqueryd process has said in its log of its end. */
export interface ProcessEnd {
  readonly pid: number;
  /** What ended it: a query, its own logger (no query's fault), something else, or nothing that it names as a failure. */
  readonly blame: 'query' | 'logger' | 'unknown' | 'none';
  /** The schedule entry that it was about; empty: none. */
  readonly name: string;
  readonly text: string;
}

/** What can be found of the end of an osqueryd when the next one is there. */
export interface Evidence {
  /** Whether it told us before; a crash doesn't. */
  readonly told: boolean;
  /** Of the processes whose log could be read. */
  readonly ends: readonly ProcessEnd[];
  /** The schedule entry that it was executing, as the next one says; empty: none. */
  readonly interrupted: string;
}

/** How an osqueryd ended, as far as can be found out. */
export interface OsquerydEnd {
  /** Whether it told us before; a crash doesn't. */
  readonly told: boolean;
  /** What its log has: nothing of a failure, a failure, or there is no log that we can read. */
  readonly log: 'quiet' | 'failure' | 'unread';
  /** What brought it down by its log: a query, its own logger (no query's fault), or that is not said. */
  readonly blame: 'query' | 'logger' | 'unknown';
  /** Names of schedule entries that stood there. */
  readonly named: readonly string[];
  /** The line of the log that says so; else empty. */
  readonly text: string;
}

export interface Strikes {
  readonly deaths: number;
  /** Milliseconds since the epoch. */
  readonly lastAt: number;
}

export interface Suspension {
  readonly since: number;
  /** When it is tried again at the latest. */
  readonly until: number;
  /** It stood at two deaths of osqueryd, or the search has it left out for the moment. */
  readonly reason: SuspensionReason;
}

export type SuspensionReason = 'osqueryd-died' | 'search';

/** The search for the query that ends osqueryd, among those that could. */
export type Search =
  /** One of `suspects`; those in `running` are in the schedule, and cleared if osqueryd lives for `length` (milliseconds). */
  | {
      readonly status: 'halving';
      readonly suspects: readonly string[];
      readonly running: readonly string[];
      readonly until: number;
      readonly length: number;
    }
  /** osqueryd died while no other suspect ran; if it dies without it too until then, it was not it. */
  | { readonly status: 'convicted'; readonly name: string; readonly until: number }
  /** osqueryd dies without queries of ours; until then nothing is sought. */
  | { readonly status: 'not-ours'; readonly until: number };

/** The state before osqueryd was ever seen. */
export const UNBROKEN: Breaker = {
  osqueryd: null,
  strikes: {},
  unnamedDeaths: [],
  suspended: {},
  search: null,
};

/** Deaths at which a query must have stood before it is left out. */
export const DEATHS_TO_SUSPEND = 2;
/** Unnamed deaths within so many milliseconds that begin a search. */
export const DEATHS_TO_SEARCH = [
  { deaths: 2, within: 10 * 60_000 },
  { deaths: 3, within: 24 * 3_600_000 },
] as const;
/** The same where osqueryd told us that it ends and nobody knows why: an operator may have restarted it. */
export const RESTARTS_TO_SEARCH = [{ deaths: 3, within: 10 * 60_000 }] as const;
/** How many of the latest unnamed deaths are kept in mind. */
export const DEATHS_KEPT = 3;
/** An end that osqueryd told us is only suspicious so soon after it was given the schedule. */
export const SUSPICIOUS_LIFETIME = 2 * 60_000;
/** How long a query is left out. */
export const SUSPENDED_FOR = 24 * 3_600_000;
/** Deaths that are further apart are not counted together: a query may run once a day. */
export const STRIKES_LAST = 7 * 24 * 3_600_000;
const SHORTEST_TRIAL = 60_000;

/** What osqueryd does for a query: the same SQL in the same mode, whoever asks for it. */
export function workOf(one: Scheduled): string {
  return createHash('sha256')
    .update(JSON.stringify([osquerySql(one), one.query.updateType === 'SNAPSHOT']))
    .digest('base64url')
    .slice(0, 22);
}

/** Deaths that are still held against a query at that time. */
export function strikesAgainst({ strikes }: Breaker, work: string, at: number): number {
  const against = Object.hasOwn(strikes, work) ? strikes[work] : undefined;
  return against && at - against.lastAt < STRIKES_LAST ? against.deaths : 0;
}

/** Milliseconds that suspects must run without a death to be cleared, after one that came so long after its start. */
export function trialLength(lifetime: number): number {
  return Math.min(Math.max(2 * lifetime + 30_000, SHORTEST_TRIAL), SUSPENDED_FOR);
}

/** The half of the suspects that runs next. */
export function firstHalf(suspects: readonly string[]): readonly string[] {
  return suspects.slice(0, Math.ceil(suspects.length / 2));
}
