import type { Audience, Column, Query, RepeatedQuery } from '../vocabulary/model.ts';
import { type Breaker, UNBROKEN } from './breaker.ts';
import type { PeerId } from './commands.ts';
import { executionIdentityOf, identityOf } from './identity.ts';
import type { Policy } from './policy.ts';
import type { Translation } from './translation.ts';

/**
 * What a fold over the log gives: who wants what of this host. Plain data that survives JSON, so that it can be
 * kept as a snapshot, compared and shown. Nothing here is changed but by `evolve`.
 */
export interface ScheduleState {
  /** Empty until the log has started. Its first eight characters are part of each name given to osquery. */
  readonly logId: string;
  /** The number that the next name given to osquery carries; it only ever grows. */
  readonly nextName: number;
  /** One-time queries that wait for their rows; after a crash they are run again. By name. */
  readonly executions: Readonly<Record<string, Execution>>;
  readonly bros: Readonly<Record<PeerId, Bro>>;
  readonly configuredBros: readonly PeerId[];
  readonly configuredGroups: readonly string[];
  /** Bytes of all entries as osquery's config. */
  readonly scheduleBytes: number;
  /** The schedule that osquery last reported. */
  readonly applied: { readonly hash: string; readonly entries: number; readonly at: number } | null;
  /** Queries whose last run failed, by name: since when, and the reason that osquery gave. */
  readonly failing: Readonly<Record<string, { readonly since: number; readonly text: string }>>;
  /** What osqueryd's deaths have taught. */
  readonly breaker: Breaker;
}

/** A query that runs for a Bro until it ends. */
export interface Subscription {
  /** Its name in osquery's schedule; never reused. */
  readonly name: string;
  /** What makes it the same query when the Bro asks again; see `identityOf`. */
  readonly identity: string;
  readonly peer: PeerId;
  /** The incarnation of the Bro that asked. */
  readonly incarnation: string;
  /** 1, and one more each time the Bro had lost its state and asked again. */
  readonly generation: number;
  readonly query: RepeatedQuery;
  readonly columns: readonly Column[];
  readonly tables: readonly string[];
  /** What runs in place of the Bro's own SQL, where that is for other tables than osquery's. */
  readonly translation?: Translation;
  /** Whom the Bro addressed with it, each way once: it outlives a group if it came by another way too. */
  readonly via: readonly Audience[];
  readonly subscribedAt: number;
  /** False from a reconnect of the Bro until it repeats the query. */
  readonly confirmed: boolean;
  /** osquery's watchdog keeps it from running. */
  readonly denylisted: boolean;
}

/** A query that runs once for a Bro. */
export interface Execution {
  readonly name: string;
  readonly peer: PeerId;
  readonly incarnation: string;
  readonly query: Query;
  readonly columns: readonly Column[];
  readonly tables: readonly string[];
  /** What runs in place of the Bro's own SQL, where that is for other tables than osquery's. */
  readonly translation?: Translation;
  readonly requestedAt: number;
  /** How many starts of the extension have found it unanswered. */
  readonly restarts: number;
}

/** What is known of a Bro, there or away. */
export interface Bro {
  readonly peer: PeerId;
  readonly connected: boolean;
  readonly incarnation: string;
  readonly transport: string;
  readonly connectedAt: number;
  /** Null while it is there. */
  readonly lostAt: number | null;
  /** Between a connect and the end of its resync window. */
  readonly resyncing: boolean;
  /** By their names in osquery, in the order of the requests. */
  readonly subscriptions: Readonly<Record<string, Subscription>>;
  /** The groups that it had this host join. */
  readonly groups: readonly Membership[];
  /** The Zeek instances behind it that have announced themselves (V5). */
  readonly zeekInstances: readonly { readonly zeekInstance: string; readonly greetedAt: number }[];
  /** New requests since the minute that began at `since`. */
  readonly requests: { readonly since: number; readonly count: number };
  /** Rows that it should have had and never will, since it is known. */
  readonly rowsDropped: number;
}

export interface Membership {
  readonly group: string;
  readonly joinedAt: number;
  /** False from a reconnect of the Bro until it repeats the join. */
  readonly confirmed: boolean;
}

/** The state before the first fact. */
export function initialState(): ScheduleState {
  return {
    logId: '',
    nextName: 1,
    executions: {},
    bros: {},
    configuredBros: [],
    configuredGroups: [],
    scheduleBytes: 0,
    applied: null,
    failing: {},
    breaker: UNBROKEN,
  };
}

/**
 * The subscription that osquery runs under that name, if it still runs. Looks at each Bro; whoever asks for each
 * row keeps a map of `subscriptions` beside.
 */
export function subscriptionNamed(state: ScheduleState, name: string): Subscription | undefined {
  for (const bro of Object.values(state.bros)) {
    const subscription = own(bro.subscriptions, name);
    if (subscription) return subscription;
  }
  return undefined;
}

export function executionNamed(state: ScheduleState, name: string): Execution | undefined {
  return own(state.executions, name);
}

export function broOf(state: ScheduleState, peer: PeerId): Bro | undefined {
  return own(state.bros, peer);
}

/** All that runs repeatedly, Bro by Bro, each Bro's in the order it asked. */
export function subscriptions(state: ScheduleState): Subscription[] {
  return Object.values(state.bros).flatMap((bro) => Object.values(bro.subscriptions));
}

/** All one-time queries that wait for their rows, in the order they were asked for. */
export function executions(state: ScheduleState): Execution[] {
  return Object.values(state.executions);
}

/** What a Bro has subscribed, in the order it asked. */
export function subscriptionsOf(state: ScheduleState, peer: PeerId): Subscription[] {
  return Object.values(broOf(state, peer)?.subscriptions ?? {});
}

export function executionsOf(state: ScheduleState, peer: PeerId): Execution[] {
  return executions(state).filter((execution) => execution.peer === peer);
}

/**
 * What the Bro has under the query's identity, of whatever generation. Whoever is about to ask osquery for the
 * columns of a query may look here first.
 */
export function subscriptionLike(
  state: ScheduleState,
  peer: PeerId,
  query: RepeatedQuery,
): Subscription | undefined {
  const identity = identityOf(query);
  return subscriptionsOf(state, peer).find((subscription) => subscription.identity === identity);
}

/** The same one-time query of that Bro, if it still waits for its rows. */
export function executionLike(state: ScheduleState, peer: PeerId, query: Query): Execution | undefined {
  const identity = executionIdentityOf(query);
  return executionsOf(state, peer).find((execution) => executionIdentityOf(execution.query) === identity);
}

/** The groups that this host is in: those of the configuration, then those that Bros had it join, each once. */
export function groupsOf(state: ScheduleState): string[] {
  const joined = Object.values(state.bros).flatMap((bro) => bro.groups.map((membership) => membership.group));
  return [...new Set([...state.configuredGroups, ...joined])];
}

/** When the subscriptions of a Bro that is away will end, in milliseconds since the epoch; null while it is there. */
export function expiresAt(state: ScheduleState, peer: PeerId, policy: Policy): number | null {
  const lostAt = broOf(state, peer)?.lostAt ?? null;
  return lostAt === null ? null : lostAt + policy.expiry;
}

/** The record's own value of that key; a Bro may be called anything, `constructor` too. */
export function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
