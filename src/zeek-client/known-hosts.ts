import type { HostFacts } from '../console/model.ts';
import { withAncestors } from '../vocabulary/groups.ts';
import type { BroEvent } from './bro-event.ts';

/** What a Bro knows of its hosts, those included that are gone. */
export class KnownHosts {
  readonly #hosts = new Map<string, HostFacts>();
  readonly #now: () => number;

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  get all(): readonly HostFacts[] {
    return [...this.#hosts.values()];
  }

  get(id: string): HostFacts | undefined {
    return this.#hosts.get(id);
  }

  /** Learns from what happens. @returns ids of hosts that have gone */
  hear(news: BroEvent): readonly string[] {
    switch (news.type) {
      case 'announced': {
        const { id, groups, addresses, hostname, version } = news.host;
        const before = this.#hosts.get(id);
        this.#hosts.set(id, {
          ...(before ?? unknownHost(id)),
          ...(groups && { groups: withAncestors(groups) }),
          ...(addresses && { addresses }),
          ...(hostname !== undefined && { name: hostname }),
          ...(version !== undefined && { version }),
          connected: true,
          since: before?.connected ? before.since : this.#now(),
          lastSeen: this.#now(),
        });
        return [];
      }
      case 'details': {
        const { hostname: name, version, addresses, groups, platform, os } = news;
        this.#change(news.host, { name, version, addresses, groups: withAncestors(groups), platform, os });
        return [];
      }
      case 'farewell':
        return this.#gone([news.host]);
      case 'disconnected':
        return this.#gone(news.hosts);
      case 'row':
        this.#change(news.row.host, { rows: (this.#hosts.get(news.row.host)?.rows ?? 0) + 1 });
        return [];
      case 'notice':
        this.#change(news.host, { warnings: (this.#hosts.get(news.host)?.warnings ?? 0) + 1 });
        return [];
      default:
        return [];
    }
  }

  #gone(ids: readonly string[]): readonly string[] {
    const gone = ids.filter((id) => this.#hosts.get(id)?.connected);
    for (const id of gone) this.#change(id, { connected: false, since: null });
    return gone;
  }

  #change(id: string, facts: Partial<HostFacts>): void {
    const host = this.#hosts.get(id);
    if (host) this.#hosts.set(id, { ...host, ...facts, lastSeen: this.#now() });
  }
}

function unknownHost(id: string): HostFacts {
  return {
    ...{ id, name: '', addresses: [], groups: [], platform: '', os: '', version: '', connected: true },
    ...{ since: null, lastSeen: 0, gateway: '', rows: 0, rate: null, lag: null, warnings: 0 },
  };
}
