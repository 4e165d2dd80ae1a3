import type { Clock, Closed } from '../broker/connection.ts';
import { AWAY, RelaySession } from '../broker/relay-session.ts';
import type { Wire } from '../broker/wire.ts';
import { type FleetTopics, pseudoHost } from '../vocabulary/fleet-topics.ts';
import type { Vocabularies } from '../vocabulary/vocabularies.ts';
import { AskedEvents } from './asked-events.ts';
import type { AuditEntry } from './audit.ts';
import type { GatewayCounts } from './counts.ts';
import { GatewayMessages } from './gateway-messages.ts';
import { HandledRows } from './handled-rows.ts';
import { HostInput } from './host-input.ts';
import { type HostLink, hold } from './host-link.ts';
import type { HostNews } from './host-news.ts';
import { type Applicant, HostRegistry } from './host-registry.ts';
import { Outflow } from './outflow.ts';
import { Pace } from './pace.ts';
import type { GatewaySettings } from './settings.ts';
import { type StreamedRows, StreamInput } from './stream-input.ts';
import { ZeekInput } from './zeek-input.ts';
import type { LinkedZeek, ZeekLink } from './zeek-link.ts';

export interface RelayParts {
  readonly settings: GatewaySettings;
  readonly topics: FleetTopics;
  readonly vocabularies: Vocabularies;
  readonly counts: GatewayCounts;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly soon: (callback: () => void) => void;
  /** This gateway's own Broker endpoint id, and its name. */
  readonly endpointId: string;
  readonly name: string;
  readonly version: string;
  readonly onAudit: (entry: AuditEntry) => void;
  readonly onHost: (news: HostNews) => void;
  readonly onProblem: (problem: string) => void;
  /** More waits for the Zeek than should, or no longer. */
  readonly onCrowded?: (crowded: boolean) => void;
}

/** A host at the door: its secured stream, and the id that it has proved, if it had to. */
export interface Arrival {
  readonly wire: Wire;
  readonly from: string;
  /** The id by its certificate; undefined where hosts say who they are. */
  readonly provedId: string | undefined;
}

/** A host that is let in: what becomes of what it says. */
export interface JoinedHost {
  hear(topic: string, payload: Uint8Array): void;
  listen(filter: readonly string[]): void;
  /** `isHandedOver`: another gateway serves it, so the Zeek is told nothing. */
  ended(closed: Closed, isHandedOver: boolean): void;
}

/** How long a host has for its handshake. */
const HANDSHAKE = 10_000;
/** After so much silence a host is pinged, and after so much more given up. */
const SILENCE = { ping: 20_000, lost: 45_000 };
/**
 * Everything between one Zeek and its hosts while one link to it lives. Holds no rows: what the link takes with it, the
 * hosts send again over the next.
 */
export class Relay {
  readonly zeek: LinkedZeek;
  readonly #parts: RelayParts;
  readonly #registry: HostRegistry;
  readonly #asked = new AskedEvents();
  readonly #messages: GatewayMessages;
  readonly #outflow: Outflow;
  /** In their handshake. */
  readonly #arriving = new Set<RelaySession>();
  readonly #handled: HandledRows;
  readonly #hostInput: HostInput;
  readonly #streamInput: StreamInput;
  readonly #zeekInput: ZeekInput;
  /** What hosts are told as our filter: the Zeek's. */
  #filter: readonly string[];
  #sweep: unknown;
  #ended = false;

  constructor(zeek: LinkedZeek, link: ZeekLink, parts: RelayParts) {
    this.zeek = zeek;
    this.#parts = parts;
    const { clock, settings } = parts;
    this.#filter = this.#filterFor(zeek.filter);
    this.#registry = new HostRegistry({
      ...parts,
      onHost: (news) => {
        const host = news.type === 'duplicate' && this.hosts.get(news.host);
        if (host) this.#messages.duplicate(host, news.from);
        parts.onHost(news);
      },
    });
    this.#outflow = new Outflow({
      link,
      now: () => clock.now(),
      soon: parts.soon,
      onCrowded: (crowded) => {
        this.#registry.crowd(crowded);
        parts.onCrowded?.(crowded);
      },
    });
    this.#messages = new GatewayMessages({
      prefix: parts.vocabularies.prefix('zeek-osquery'),
      ...{ name: parts.name, endpointId: parts.endpointId, version: parts.version },
      knows: (topic) => zeek.filter?.some((entry) => topic.startsWith(entry)),
      say: (topic, message, position) => this.#outflow.offer(position ?? this.#own, topic, [message]),
      now: parts.now,
      vocabularies: parts.vocabularies,
      onAcknowledged: (number) => this.#handled.acknowledged(number),
    });
    this.#handled = new HandledRows({ messages: this.#messages, clock, onProblem: parts.onProblem });
    const shared = { asked: this.#asked, messages: this.#messages, counts: parts.counts, clock };
    this.#hostInput = new HostInput({
      ...shared,
      ...{ vocabularies: parts.vocabularies, outflow: this.#outflow },
      rowPace: new Pace(settings.limits.rowsPerSecond, clock.now()),
      refuse: (host, reason) => this.#registry.refuse(host, reason),
    });
    this.#streamInput = new StreamInput({
      ...shared,
      ...{
        outflow: this.#outflow,
        handled: this.#handled,
        mayGoTo: (topic) => this.#hostInput.mayGoTo(topic),
      },
      positionOf: (id) => this.#registry.positionOf(id),
      refuse: (host, reason) => this.#registry.refuseUnconnected(host, reason),
    });
    this.#zeekInput = new ZeekInput({
      ...shared,
      ...{
        incarnation: zeek.incarnation,
        topics: parts.topics,
        hosts: this.hosts,
        routes: this.#registry.routes,
      },
      ...{ now: parts.now, onAudit: parts.onAudit },
      onAsked: () => {
        for (const host of this.hosts.values()) this.#hostInput.release(host);
        this.#streamInput.asked();
      },
    });
    this.#messages.begin();
    this.#watch();
  }

  /** What this gateway itself says goes out like a host's messages. */
  readonly #own = { last: 0 };

  get hosts(): ReadonlyMap<string, HostLink> {
    return this.#registry.hosts;
  }

  /** What hosts are told as our filter: the Zeek's. */
  get filter(): readonly string[] {
    return this.#filter;
  }

  get waitingBytes(): number {
    return this.#outflow.waitingBytes;
  }

  get unconfirmedBytes(): number {
    return this.#outflow.unconfirmedBytes;
  }

  get askedEvents(): readonly string[] {
    return this.#asked.names;
  }

  /** Whether the Zeek runs this project's package. */
  get hasPackage(): boolean {
    return this.#messages.hasPackage;
  }

  /** Takes a host in; the bytes of its stream go to the session that this gives. */
  accept({ wire, from, provedId }: Arrival): RelaySession {
    const { clock, settings } = this.#parts;
    let host: HostLink | undefined;
    const session: RelaySession = new RelaySession(
      wire,
      {
        ...{ side: 'accepting', endpointId: this.zeek.incarnation, filter: this.#filter },
        ...{ maxFrame: settings.limits.maxFrame, clock, peerName: from },
      },
      {
        onUp: (endpointId, filter) => {
          this.#arriving.delete(session);
          host = this.#registry.admit({ session, from, endpointId, filter, provedId });
        },
        onPayload: (topic, payload) => host && this.#hostInput.hear(host, topic, payload),
        onFilter: (filter) => host && this.#registry.listen(host, filter),
        onPing: (pong) => host && this.#hostInput.ping(host, pong),
        onPong: () => {},
        onDrained: () => host && this.#drained(host),
        onClosed: (closed) => {
          this.#arriving.delete(session);
          if (host) this.#gone(host, closed);
          else this.#failed(from, closed);
        },
      },
    );
    this.#arriving.add(session);
    session.start(HANDSHAKE);
    return session;
  }

  /** Lets in a host that has met us elsewhere than at our port; why not, where it may not come in. */
  join(applicant: Applicant): JoinedHost | string {
    const host = this.#registry.objectionTo(applicant) ?? this.#registry.admit(applicant);
    if (typeof host !== 'object') return host ?? '';
    return {
      hear: (topic, payload) => this.#hostInput.hear(host, topic, payload),
      listen: (filter) => this.#registry.listen(host, filter),
      ended: (closed, isHandedOver) => this.#gone(host, closed, isHandedOver),
    };
  }

  /** Takes on rows of a host that came by a stream. */
  takeRows(rows: StreamedRows): void {
    this.#streamInput.take(rows);
  }

  /** A message of the Zeek came. */
  hear(topic: string, payload: Uint8Array): void {
    this.#zeekInput.hear(topic, payload);
  }

  /** The Zeek has changed its subscriptions: hosts are told as by itself. */
  filterChanged(filter: readonly string[]): void {
    this.#filter = this.#filterFor(filter);
    for (const { session } of this.hosts.values()) session.subscribe(this.#filter);
  }

  /** The link takes more. */
  room(): void {
    this.#outflow.room();
  }

  confirmed(token: bigint): void {
    this.#outflow.confirmed(token);
  }

  /** Ends every host's connection; what was not confirmed they send again to whoever is there then. */
  end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#parts.clock.clearTimeout(this.#sweep);
    this.#messages.end();
    this.#outflow.end();
    this.#handled.end();
    for (const session of this.#arriving) session.drop(AWAY, reason);
    for (const { session } of this.hosts.values()) session.close('left', reason);
  }

  #filterFor(filter: readonly string[] | undefined): readonly string[] {
    if (filter) return filter;
    // Over WebSocket the Zeek's filter is not known: hosts say all that they have.
    const { vocabularies } = this.#parts;
    return [...new Set([...vocabularies.all.flatMap((one) => one.announceTopics(pseudoHost(''))), ''])];
  }

  #drained(host: HostLink): void {
    host.backlog = 0;
    hold(host, 'answers', false);
  }

  #gone(host: HostLink, closed: Closed, isHandedOver = false): void {
    this.#registry.remove(host);
    this.#parts.onHost({ type: 'down', host: host.id, closed });
    if (!this.#ended && !isHandedOver) this.#messages.lost(host, closed.message);
  }

  #failed(from: string, closed: Closed): void {
    this.#parts.counts.failed += 1;
    this.#parts.onHost({ type: 'failed', from, closed });
  }

  /** Now and then: who has been silent, who was kept back for long enough. */
  #watch(): void {
    const { clock, counts } = this.#parts;
    this.#sweep = clock.setTimeout(() => {
      const now = clock.now();
      for (const host of this.hosts.values()) {
        if (this.#hostInput.isSettled(host)) this.#hostInput.release(host);
        if (host.holds.size > 0) continue;
        const silence = now - host.session.heardAt;
        if (silence > SILENCE.lost) {
          counts.dropped += 1;
          host.session.close('unresponsive', `${host.id} sent nothing for ${Math.round(silence)} ms`);
        } else if (silence > SILENCE.ping) host.session.ping(PING);
      }
      this.#registry.forgetPositions((position) => this.#outflow.isSettled(position));
      this.#streamInput.release();
      this.#messages.tick();
      this.#watch();
    }, SWEEP);
  }
}

const SWEEP = 5_000;
const PING = Buffer.from('gateway?');
