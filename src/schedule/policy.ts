/**
 * What a Bro may ask of this host. Each limit holds for each Bro alone, so that one Bro's appetite never costs
 * another its place; a request over a limit is refused with a reason that the Bro is told.
 */
export interface Policy {
  /** Subscriptions that a Bro may have at a time. */
  readonly maxSubscriptions: number;
  /** One-time queries that may wait for their rows at a time. */
  readonly maxPendingExecutions: number;
  /** Groups that a Bro may have this host join. */
  readonly maxGroups: number;
  /** New requests a minute; repeats of what is there already cost nothing. */
  readonly requestsPerMinute: number;
  /** Seconds; a shorter interval is refused, never lengthened behind the Bro's back. */
  readonly shortestInterval: number;
  /** Seconds; for requests that name no interval. */
  readonly defaultInterval: number;
  /** Longest SQL, in UTF-16 units. */
  readonly maxSqlLength: number;
  /** Most bytes of the whole schedule as osquery's config; osquery up to 5.23.1 refuses more than 1 MiB. */
  readonly maxScheduleBytes: number;
  /** Tables that queries may read; null: all. Names in any case. */
  readonly allowedTables: readonly string[] | null;
  /** Tables that no query may read, whatever is allowed. */
  readonly deniedTables: readonly string[];
  /** How often a one-time query may be found unanswered at a start of ours before it is given up. */
  readonly maxExecutionRestarts: number;
  /** Milliseconds that a Bro has after each connect to repeat what it wants. */
  readonly resyncWindow: number;
  /** Milliseconds after which the subscriptions of a Bro that stays away end. */
  readonly expiry: number;
}

/** Whether a one-time query was found unanswered at so many starts of ours that it may be what brings us down. */
export function isGivenUp({ restarts }: { readonly restarts: number }, policy: Policy): boolean {
  return restarts > policy.maxExecutionRestarts;
}

/** Limits of a host without configuration. */
export const DEFAULT_POLICY: Policy = {
  maxSubscriptions: 500,
  maxPendingExecutions: 100,
  maxGroups: 100,
  requestsPerMinute: 1000,
  shortestInterval: 1,
  defaultInterval: 10,
  maxSqlLength: 65_536,
  maxScheduleBytes: 1_000_000,
  allowedTables: null,
  deniedTables: [],
  maxExecutionRestarts: 3,
  resyncWindow: 30_000,
  expiry: 7 * 24 * 3_600_000,
};
