import type { Closed, Connection, Remote } from '../broker/connection.ts';
import { withAncestors } from '../vocabulary/groups.ts';
import type { QueryDigest } from '../vocabulary/model.ts';
import type { AnnouncedHost, Target } from './model.ts';

/** A connection to a Bro, with the hosts that have announced themselves over it (one, as a rule). */
export interface HostLink {
  readonly connection: Connection;
  readonly remoteAddress: string;
  remote: Remote | undefined;
  /** Topic prefixes that the other side wants; undefined: not known. */
  filter: readonly string[] | undefined;
  readonly hosts: Map<string, HostState>;
}

export interface HostState {
  host: AnnouncedHost;
  /** Ids of the subscriptions that it has been asked over this connection. */
  readonly offered: Set<string>;
  /** Groups that it was asked to join over this connection. */
  readonly joined: Set<string>;
  /** Whether this Bro's declaration was that of its greeting, or one of those that follow each minute. */
  declared: 'at-first' | 'again';
  /** The desired queries that this Bro sent last, and what the host held when it did. */
  lastSent: { readonly wanted: QueryDigest; readonly held: QueryDigest } | undefined;
}

export function newHost(host: AnnouncedHost): HostState {
  return { host, offered: new Set(), joined: new Set(), declared: 'at-first', lastSent: undefined };
}

/**
 * Whether a host that holds other queries than the Bro desires should be sent the whole list: not in answer to the first
 * declaration, which the subscriptions follow, and not if it was sent this list before and holds what it held then (it
 * refuses a part). Notes that it is sent.
 */
export function desiredQueriesAreDue(state: HostState, wanted: QueryDigest, held: QueryDigest): boolean {
  if (state.declared === 'at-first' || held.hash === wanted.hash) return false;
  const last = state.lastSent;
  if (last?.wanted.hash === wanted.hash && last.held.hash === held.hash) return false;
  state.lastSent = { wanted, held };
  return true;
}

/** Whether what is sent to the topic gets through to the other side. */
export function letsThrough(link: HostLink, topic: string): boolean {
  return link.filter?.some((prefix) => topic.startsWith(prefix)) ?? true;
}

/** Whether a host is among those that a request on the topic is for. */
export function concerns(link: HostLink, { host }: HostState, target: Target, topic: string): boolean {
  if (target.to === 'host' && target.host !== host.id) return false;
  // Broker's filters are prefixes: what is for the group `servers-old` gets through to a member of `servers`.
  if (target.to === 'group' && host.groups && !withAncestors(host.groups).includes(target.group))
    return false;
  return letsThrough(link, topic);
}

/** Events of a Bro's connections and hosts. */
export type LinkEvent =
  | { readonly type: 'connected'; readonly remoteAddress: string; readonly remote: Remote }
  /** It never came up. */
  | { readonly type: 'failed'; readonly remoteAddress: string; readonly closed: Closed }
  | {
      readonly type: 'disconnected';
      readonly remoteAddress: string;
      readonly closed: Closed;
      /** Ids of the hosts that were there over it. */
      readonly hosts: readonly string[];
    }
  | { readonly type: 'suspect'; readonly remoteAddress: string; readonly suspect: boolean }
  | { readonly type: 'problem'; readonly remoteAddress: string; readonly problem: string };
