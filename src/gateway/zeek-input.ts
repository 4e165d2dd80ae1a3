import { decodeData } from '../broker/binary.ts';
import { CodecError } from '../broker/codec-error.ts';
import type { Clock } from '../broker/connection.ts';
import { dataFrame } from '../broker/relay-session.ts';
import { readMessages, type ZeekEvent } from '../broker/zeek-event.ts';
import type { FleetTopics } from '../vocabulary/fleet-topics.ts';
import type { AskedEvents } from './asked-events.ts';
import type { AuditEntry } from './audit.ts';
import type { GatewayCounts } from './counts.ts';
import type { GatewayMessages } from './gateway-messages.ts';
import type { HostLink } from './host-link.ts';
import type { Routes } from './routes.ts';

export interface ZeekInputParts {
  /** The Zeek's incarnation, which is who hosts take us for. */
  readonly incarnation: string;
  readonly topics: FleetTopics;
  readonly hosts: ReadonlyMap<string, HostLink>;
  readonly routes: Routes<HostLink>;
  readonly asked: AskedEvents;
  readonly messages: GatewayMessages;
  readonly counts: GatewayCounts;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly onAudit: (entry: AuditEntry) => void;
  /** More events than before are known to be asked for. */
  readonly onAsked: () => void;
}

/** Bytes that a host may leave unread beyond what its socket takes. */
const MAX_BACKLOG = 1024 * 1024;

/** What the Zeek sends to hosts: learned from, written down, passed on as it is. */
export class ZeekInput {
  readonly #parts: ZeekInputParts;

  constructor(parts: ZeekInputParts) {
    this.#parts = parts;
  }

  /** A message of the Zeek came. */
  hear(topic: string, payload: Uint8Array): void {
    let isForHosts = true;
    for (const event of eventsOf(payload)) {
      const own = this.#parts.messages.hear(topic, event);
      if (own) {
        for (const name of own) this.#parts.asked.add(name);
        isForHosts = false;
        this.#parts.onAsked();
      } else this.#note(topic, event);
    }
    if (isForHosts) this.#pass(topic, payload);
  }

  /** Learns from a request, and writes down who was asked what. */
  #note(topic: string, event: ZeekEvent): void {
    const { topics, counts, onAudit, now } = this.#parts;
    const found = topics.decode(topic, event);
    if (found?.decoded.outcome === 'statement') this.#parts.messages.declared();
    if (found?.decoded.outcome !== 'request') return;
    const { request } = found.decoded;
    if (request.type === 'greet') return;
    counts.requests += 1;
    onAudit({ at: now(), zeek: this.#parts.incarnation, to: found.addressee, request });
    if (!this.#parts.asked.learn(request)) return;
    const at = this.#parts.clock.now();
    for (const host of this.#listeners(topic)) host.askedAt ??= at;
    this.#parts.onAsked();
  }

  #listeners(topic: string): Iterable<HostLink> {
    const [first, ...others] = this.#parts.topics.addresseesOf(topic);
    if (first?.to !== 'host' || others.length > 0) return this.#parts.routes.to(topic);
    const host = this.#parts.hosts.get(first.host);
    return host?.filter.some((prefix) => topic.startsWith(prefix)) ? [host] : [];
  }

  /** Passes a message of the Zeek on to everybody who listens. */
  #pass(topic: string, payload: Uint8Array): void {
    const { counts, clock } = this.#parts;
    let frame: Uint8Array | undefined;
    for (const host of this.#listeners(topic)) {
      if (host.requestPace.take(1, clock.now()) > 0) {
        counts.withheld += 1;
        continue;
      }
      frame ??= dataFrame(this.#parts.incarnation, topic, payload);
      counts.deliveries += 1;
      if (host.session.write(frame)) continue;
      host.backlog += frame.length;
      if (host.backlog <= MAX_BACKLOG) continue;
      counts.dropped += 1;
      host.session.close('overflow', `${host.id} does not read what it is sent`);
    }
  }
}

function eventsOf(payload: Uint8Array): readonly ZeekEvent[] {
  try {
    return readMessages(decodeData(payload)).flatMap((message) =>
      message.type === 'event' ? [message.event] : [],
    );
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    return [];
  }
}
