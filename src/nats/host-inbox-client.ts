import type { Msg, NatsConnection } from 'nats';
import { matchesFilter } from '../broker/handshake-messages.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import { Inbound } from './inbound-client.ts';
import { encodeMessage, type NatsMessage } from './message.ts';
import type { NatsSubjects } from './subjects.ts';

export interface HostInboxHandlers {
  /** Something came: a sign of life. */
  onMessage(): void;
  /** A message on the Bro's own subject. */
  onBro(message: NatsMessage): void;
  onEvent(topic: string, event: ZeekEvent): void;
  onProblem(problem: string): void;
  /** The server does not permit a subscription. */
  onDenied(subject: string): void;
}

type Events = Extract<NatsMessage, { readonly type: 'events' }>;

/** Whether there is a Bro yet: events that come before wait. */
type InboxPhase =
  | { readonly at: 'early'; readonly events: { readonly message: Events; readonly subject: string }[] }
  | { readonly at: 'open' | 'closed' };

/** Messages that may come before the Bro's answer has been looked at. */
const MAX_EARLY = 100;

/** What comes to a host, on the subjects of the topics that it listens to and on its own. */
export class HostInbox {
  readonly #subjects: NatsSubjects;
  readonly #own: string;
  readonly #handlers: HostInboxHandlers;
  readonly #inbound: Inbound;
  #filter: readonly string[] = [];
  #phase: InboxPhase = { at: 'early', events: [] };

  constructor(client: NatsConnection, subjects: NatsSubjects, host: string, handlers: HostInboxHandlers) {
    this.#subjects = subjects;
    this.#own = subjects.host(host);
    this.#handlers = handlers;
    this.#inbound = new Inbound(client, {
      onMessage: (message, raw) => this.#take(message, raw),
      onProblem: (problem) => handlers.onProblem(problem),
      onDenied: (subject) => handlers.onDenied(subject),
    });
  }

  /** Listens to these topics from now on, and to no others. */
  listen(filter: readonly string[]): void {
    this.#filter = filter;
    const topics = filter.map((topic) => this.#subjects.ofTopic(topic));
    this.#inbound.listen(new Set([this.#subjects.bro, this.#own, ...topics]));
  }

  /** There is a Bro: what came of it before is heard now. */
  open(): void {
    if (this.#phase.at !== 'early') return;
    const { events } = this.#phase;
    this.#phase = { at: 'open' };
    for (const { message, subject } of events) this.#hear(message, subject);
  }

  /** Nothing is handed on any more. */
  close(): void {
    this.#phase = { at: 'closed' };
  }

  #take(message: NatsMessage, raw: Msg): void {
    if (this.#phase.at === 'closed') return;
    this.#handlers.onMessage();
    if (raw.subject === this.#subjects.bro) this.#handlers.onBro(message);
    else if (message.type === 'ping') {
      raw.respond(encodeMessage({ type: this.#phase.at === 'early' ? 'stranger' : 'pong' }));
    } else if (message.type !== 'events') return;
    else if (this.#phase.at !== 'early') this.#hear(message, raw.subject);
    else if (this.#phase.events.length < MAX_EARLY) {
      this.#phase.events.push({ message, subject: raw.subject });
    }
  }

  #hear({ topic, events }: Events, subject: string): void {
    // Who may address this host may say anything to it; else the subject, which permissions are for, must fit.
    if (subject !== this.#own && subject !== this.#subjects.ofTopic(topic)) {
      this.#handlers.onProblem(
        `a message on ${subject} for topic ${topic}, which does not belong there: ignored`,
      );
      return;
    }
    if (!matchesFilter(this.#filter, topic)) return;
    for (const event of events) {
      if (this.#phase.at === 'open') this.#handlers.onEvent(topic, event);
    }
  }
}
