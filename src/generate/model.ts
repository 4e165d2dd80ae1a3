/** A pack of osquery's, wherever it was written down. */

export const PLATFORMS = ['darwin', 'linux', 'windows'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** What a host must be; all of it. */
export interface Condition {
  readonly platforms: readonly Platform[];
  /** The oldest version of osquery; empty: any that this program runs beside. */
  readonly version: string;
  /** Percentage of the hosts, 0: all. */
  readonly shard: number;
}

export interface PackQuery {
  readonly name: string;
  readonly sql: string;
  /** Seconds; undefined where the pack says nothing. */
  readonly interval: number | undefined;
  readonly updateType: 'ADD' | 'BOTH' | 'SNAPSHOT';
  readonly condition: Condition;
  readonly description: string;
}

/** A question for yes and no: a host complies while the query has rows. */
export interface PackPolicy {
  readonly query: PackQuery;
  /** What to do where a host does not comply. */
  readonly resolution: string;
}

/** A query that becomes no log, and why. */
export interface Refused {
  readonly name: string;
  readonly reason: string;
}

export interface Pack {
  readonly name: string;
  readonly condition: Condition;
  /** Queries that must all return rows. */
  readonly discovery: readonly string[];
  readonly queries: readonly PackQuery[];
  readonly policies: readonly PackPolicy[];
  readonly refused: readonly Refused[];
}

/** A file that can't be read as packs: the message says where and why. */
export class PackError extends Error {
  override readonly name = 'PackError';
}
