import { withAncestors } from './groups.ts';
import type { Audience, Host } from './model.ts';

/** The topics of a vocabulary that addresses hosts as all, one by one, and by group. */
export interface HostTopics {
  readonly all: string;
  /** Followed by `/<host id>`. */
  readonly host: string;
  /** Followed by `/<group>`. */
  readonly group: string;
}

/** What a host listens on: all, itself, its groups and what encloses them. */
export function listeningTopics(topics: HostTopics, host: Host): readonly string[] {
  return [
    topics.all,
    `${topics.host}/${host.id}`,
    ...withAncestors(host.groups).map((group) => `${topics.group}/${group}`),
  ];
}

/**
 * Whom a topic addresses, if this host is among them. Compares the whole topic: Broker lets through whatever starts
 * with a topic listened on, so that host `h1` is handed what is meant for `h10`.
 */
export function audienceOf(topics: HostTopics, topic: string, host: Host): Audience | undefined {
  if (topic === topics.all) return { to: 'all' };
  if (topic === `${topics.host}/${host.id}`) return { to: 'host' };
  if (!topic.startsWith(`${topics.group}/`)) return undefined;
  const group = topic.slice(topics.group.length + 1);
  return withAncestors(host.groups).includes(group) ? { to: 'group', group } : undefined;
}
