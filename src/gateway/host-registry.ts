import type { Clock } from '../broker/connection.ts';
import type { FleetTopics } from '../vocabulary/fleet-topics.ts';
import type { GatewayCounts } from './counts.ts';
import { DuplicateHosts } from './duplicate-hosts.ts';
import { type HostLink, type HostSession, hold } from './host-link.ts';
import type { HostNews } from './host-news.ts';
import type { HostPosition } from './outflow.ts';
import { Pace } from './pace.ts';
import { Routes } from './routes.ts';
import type { GatewaySettings } from './settings.ts';

/** A host that has finished its handshake. */
export interface Applicant {
  readonly session: HostSession;
  readonly from: string;
  readonly endpointId: string;
  readonly filter: readonly string[];
  /** The id by its certificate; undefined where hosts say who they are. */
  readonly provedId: string | undefined;
}

export interface HostRegistryParts {
  readonly settings: Pick<GatewaySettings, 'limits'>;
  readonly topics: FleetTopics;
  readonly counts: GatewayCounts;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly onHost: (news: HostNews) => void;
}

/** Refusals that are told of each host. */
const MAX_TOLD = 20;
const MAX_TOLD_UNCONNECTED = 1_000;

/** The hosts that are connected: who is let in, who listens on what, who is held back. */
export class HostRegistry {
  readonly hosts = new Map<string, HostLink>();
  readonly routes = new Routes<HostLink>();
  readonly #parts: HostRegistryParts;
  /** A host that comes again goes on where its former connection's messages still wait: its order holds across both. */
  readonly #positions = new Map<string, HostPosition>();
  /** Refusals of hosts that are not connected that were told. */
  readonly #told = new Set<string>();
  readonly #duplicates = new DuplicateHosts();
  #isCrowded = false;

  constructor(parts: HostRegistryParts) {
    this.#parts = parts;
  }

  /** Why a host may not come in; undefined where it may. */
  objectionTo({ filter, provedId }: Pick<Applicant, 'filter' | 'provedId'>): string | undefined {
    return this.#objection(this.#parts.topics.hostOf(filter), provedId);
  }

  /** Where the messages of a host stand in what goes to the Zeek, over all of its connections. */
  positionOf(id: string): HostPosition {
    return this.#laneOf(id);
  }

  /** Counts something that a host may not send, and tells of it as long as not too many kinds have been told. */
  refuseUnconnected(id: string, reason: string): void {
    const host = this.hosts.get(id);
    if (host) {
      this.refuse(host, reason);
      return;
    }
    this.#parts.counts.refused += 1;
    const kind = `${id}: ${reason}`;
    if (this.#told.size >= MAX_TOLD_UNCONNECTED || this.#told.has(kind)) return;
    this.#told.add(kind);
    this.#parts.onHost({ type: 'refused', host: id, reason });
  }

  /** Lets a host in; undefined, and its connection ends, where it may not come in. */
  admit({ session, from, endpointId, filter, provedId }: Applicant): HostLink | undefined {
    const { settings, topics, counts, clock, now, onHost } = this.#parts;
    const id = topics.hostOf(filter);
    const problem = this.#objection(id, provedId);
    if (id === undefined || problem !== undefined) {
      session.close('refused', problem ?? '', true);
      return undefined;
    }
    const before = this.hosts.get(id);
    const howMany = before && this.#duplicates.howMany(id, endpointId, before.endpointId, clock.now());
    if (before && howMany !== 'one') {
      counts.duplicates += 1;
      if (howMany === 'two') onHost({ type: 'duplicate', host: id, from, other: before.remoteAddress });
      session.close('refused', `another host with the id ${id} is connected`, true);
      return undefined;
    }
    if (before) {
      onHost({ type: 'replaced', host: id, from, before: before.remoteAddress });
      before.session.close('redundant', `${id} has reconnected from ${from}`);
    }
    const { limits } = settings;
    const at = clock.now();
    const host: HostLink = {
      ...{ id, endpointId, session, remoteAddress: from, isAuthenticated: provedId !== undefined },
      ...{ filter: [], announced: new Set(), holds: new Set(), held: [], told: new Set() },
      ...{ connectedAt: now(), askedAt: undefined, backlog: 0, rows: 0, position: this.#laneOf(id) },
      rowPace: new Pace(limits.hostRowsPerSecond, at),
      bytePace: new Pace(limits.hostBytesPerSecond, at),
      requestPace: new Pace(limits.hostRequestsPerMinute / 60, at, 60),
    };
    this.hosts.set(id, host);
    counts.admitted += 1;
    this.listen(host, filter);
    if (this.#isCrowded) hold(host, 'zeek', true);
    onHost({ type: 'up', host: id, from, authenticated: host.isAuthenticated });
    return host;
  }

  remove(host: HostLink): void {
    this.routes.remove(host, host.filter);
    if (this.hosts.get(host.id) === host) this.hosts.delete(host.id);
  }

  /** Notes what a host listens on, as far as it may. */
  listen(host: HostLink, filter: readonly string[]): void {
    const isOther = (id: string) => id !== host.id && this.hosts.has(id);
    this.routes.remove(host, host.filter);
    host.filter = filter.filter((topic) => this.#parts.topics.mayListen(host.id, topic, isOther));
    this.routes.add(host, host.filter);
    const kept = filter.find((topic) => !host.filter.includes(topic));
    if (kept !== undefined) this.refuse(host, `listening on ${kept} is not for this host`);
  }

  /** Counts something that a host may not do, and tells of it once. */
  refuse(host: HostLink, reason: string): void {
    this.#parts.counts.refused += 1;
    if (host.told.size >= MAX_TOLD || host.told.has(reason)) return;
    host.told.add(reason);
    this.#parts.onHost({ type: 'refused', host: host.id, reason });
  }

  /** Holds all hosts back while too much waits for the Zeek. */
  crowd(isCrowded: boolean): void {
    this.#isCrowded = isCrowded;
    for (const host of this.hosts.values()) hold(host, 'zeek', isCrowded);
  }

  /** Forgets what hosts that are gone have sent, once it has arrived. */
  forgetPositions(isSettled: (position: HostPosition) => boolean): void {
    this.#duplicates.forget(this.#parts.clock.now());
    for (const [id, position] of this.#positions)
      if (!this.hosts.has(id) && isSettled(position)) this.#positions.delete(id);
  }

  #laneOf(id: string): HostPosition {
    const position = this.#positions.get(id) ?? { last: 0 };
    this.#positions.set(id, position);
    return position;
  }

  #objection(id: string | undefined, provedId: string | undefined): string | undefined {
    if (id === undefined) return 'its filter names no host, or several: it is not a host of bro-osquery';
    if (provedId !== undefined && id !== provedId)
      return `it says that it is ${id}, its certificate that it is ${provedId}`;
    const { hosts } = this.#parts.settings.limits;
    if (this.hosts.size >= hosts && !this.hosts.has(id)) return `${hosts} hosts are connected, the limit`;
    return undefined;
  }
}
