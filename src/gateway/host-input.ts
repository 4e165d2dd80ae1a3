import { CodecError } from '../broker/codec-error.ts';
import type { Clock } from '../broker/connection.ts';
import { type SkimmedEvent, skimEvents } from '../broker/skimmed-message.ts';
import type { VocabularyId } from '../vocabulary/model.ts';
import type { Vocabularies } from '../vocabulary/vocabularies.ts';
import type { AskedEvents } from './asked-events.ts';
import type { GatewayCounts } from './counts.ts';
import type { GatewayMessages } from './gateway-messages.ts';
import { judge } from './guard.ts';
import { type HostLink, hold } from './host-link.ts';
import type { Outflow } from './outflow.ts';
import type { Pace } from './pace.ts';

export interface HostInputParts {
  readonly vocabularies: Vocabularies;
  readonly counts: GatewayCounts;
  readonly clock: Clock;
  readonly asked: AskedEvents;
  readonly messages: GatewayMessages;
  readonly outflow: Outflow;
  /** Of all hosts together. */
  readonly rowPace: Pace;
  readonly refuse: (host: HostLink, reason: string) => void;
}

/** Rows of a query that nobody is known to have asked for are kept back so long after the Zeek has asked for something. */
const ASKING_TIME = 5_000;

/** What hosts send to the Zeek: looked at, held to its limits, passed on as it is. */
export class HostInput {
  readonly #parts: HostInputParts;

  constructor(parts: HostInputParts) {
    this.#parts = parts;
  }

  /** A message of a host came. */
  hear(host: HostLink, topic: string, payload: Uint8Array): void {
    let events: readonly SkimmedEvent[];
    try {
      events = skimEvents(payload);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#parts.refuse(host, `invalid message: ${error.message}`);
      return;
    }
    if (host.held.length > 0) host.held.push({ kind: 'events', topic, events });
    else this.#judgeAll(host, topic, events);
    const { clock } = this.#parts;
    const now = clock.now();
    this.#slow(host, host.bytePace.take(payload.length, now));
  }

  #judgeAll(host: HostLink, topic: string, events: readonly SkimmedEvent[]): void {
    const passed: Uint8Array[] = [];
    let rows = 0;
    for (const [at, event] of events.entries()) {
      const verdict = judge(event, host);
      if (verdict.is === 'refused') {
        this.#parts.refuse(host, verdict.reason);
      } else if (!this.mayGoTo(topic)) {
        this.#parts.refuse(host, `${event.name} goes to ${topic}, which is not a topic of the vocabularies`);
      } else if (verdict.is === 'own') {
        if (verdict.event.means === 'announces')
          this.#announced(host, topic, passed, verdict.event.vocabulary);
        if (verdict.event.means === 'leaves') host.announced.delete(verdict.event.vocabulary);
        passed.push(event.bytes);
      } else if (this.#parts.asked.has(event.name)) {
        rows += 1;
        passed.push(event.bytes);
      } else if (this.isSettled(host)) {
        this.#parts.refuse(host, `${event.name} is an event that the Zeek has not asked for`);
      } else {
        this.#forward(host, topic, passed, rows);
        host.held.push({ kind: 'events', topic, events: events.slice(at) });
        hold(host, 'unasked', true);
        return;
      }
    }
    this.#forward(host, topic, passed, rows);
  }

  #forward(host: HostLink, topic: string, messages: readonly Uint8Array[], rows: number): void {
    if (messages.length === 0) return;
    const { counts, clock } = this.#parts;
    this.#parts.outflow.offer(host.position, topic, messages);
    counts.events += messages.length;
    counts.rows += rows;
    counts.bytes += messages.reduce((sum, message) => sum + message.length, 0);
    host.rows += rows;
    const now = clock.now();
    this.#slow(host, Math.max(host.rowPace.take(rows, now), this.#parts.rowPace.take(rows, now)));
  }

  #slow(host: HostLink, milliseconds: number): void {
    if (milliseconds === 0 || host.holds.has('limit')) return;
    this.#parts.counts.throttled += 1;
    hold(host, 'limit', true);
    this.#parts.clock.setTimeout(() => hold(host, 'limit', false), milliseconds);
  }

  /** Whether hosts may send to the topic. */
  mayGoTo(topic: string): boolean {
    const { vocabularies } = this.#parts;
    return (
      this.#parts.asked.hasTopic(topic) ||
      vocabularies.all.some(({ id }) => topic.startsWith(`${vocabularies.prefix(id)}/`))
    );
  }

  /** The host introduces itself: the package is told first that it does so through this gateway. */
  #announced(host: HostLink, topic: string, passed: Uint8Array[], vocabulary: VocabularyId): void {
    if (!host.announced.has(vocabulary)) {
      this.#forward(host, topic, passed.splice(0), 0);
      this.#parts.messages.carries(host, vocabulary);
    }
    host.announced.add(vocabulary);
  }

  /** Whether the Zeek has had the time to ask a host for all that it wants. */
  isSettled(host: HostLink): boolean {
    if (this.#parts.messages.hasEvents) return true;
    return host.askedAt !== undefined && this.#parts.clock.now() - host.askedAt > ASKING_TIME;
  }

  /** Looks again at what a host was kept back with. */
  release(host: HostLink): void {
    if (host.held.length === 0) return;
    hold(host, 'unasked', false);
    for (const item of host.held.splice(0)) {
      if (host.held.length > 0) host.held.push(item);
      else if (item.kind === 'ping') this.ping(host, item.pong);
      else this.#judgeAll(host, item.topic, item.events);
    }
  }

  /** A host asks to be answered by this frame when what it sent has arrived. */
  ping(host: HostLink, pong: Uint8Array): void {
    if (host.held.length > 0) {
      host.held.push({ kind: 'ping', pong });
      return;
    }
    this.#parts.outflow.ping(host.position, () => {
      if (!host.session.write(pong)) hold(host, 'answers', true);
    });
  }
}
