import { CodecError } from '../broker/codec-error.ts';
import type { Clock } from '../broker/connection.ts';
import { type SkimmedEvent, skimEvents } from '../broker/skimmed-message.ts';
import type { AskedEvents } from './asked-events.ts';
import type { GatewayCounts } from './counts.ts';
import type { GatewayMessages } from './gateway-messages.ts';
import { judge } from './guard.ts';
import type { HandledRows } from './handled-rows.ts';
import type { HostPosition, Outflow } from './outflow.ts';

/** Rows of a host that a stream has kept. */
export interface StreamedRows {
  readonly host: string;
  readonly topic: string;
  /** In Broker's binary form. */
  readonly payload: Uint8Array;
  /** The Zeek has them, or nobody will: they may leave the stream. */
  settled(): void;
}

export interface StreamInputParts {
  readonly counts: GatewayCounts;
  readonly clock: Clock;
  readonly asked: AskedEvents;
  readonly messages: GatewayMessages;
  readonly outflow: Outflow;
  readonly handled: HandledRows;
  readonly mayGoTo: (topic: string) => boolean;
  readonly positionOf: (host: string) => HostPosition;
  readonly refuse: (host: string, reason: string) => void;
}

/** Rows of a query that nobody is known to have asked for are kept back so long after the Zeek has asked for something. */
const ASKING_TIME = 5_000;

/**
 * Rows that hosts have left in a stream: looked at and passed on as those of connected hosts are, whether their host is
 * there or not, and settled when the Zeek has confirmed them.
 */
export class StreamInput {
  readonly #parts: StreamInputParts;
  /** Behind rows of an event that may yet be asked for, everything that their host sent later. */
  readonly #held = new Map<string, StreamedRows[]>();
  #askedAt: number | undefined;

  constructor(parts: StreamInputParts) {
    this.#parts = parts;
  }

  take(rows: StreamedRows): void {
    const held = this.#held.get(rows.host);
    if (held) held.push(rows);
    else this.#pass(rows);
  }

  /** The Zeek has asked for something: rows that were kept back may be among it. */
  asked(): void {
    this.#askedAt ??= this.#parts.clock.now();
    this.release();
  }

  /** Looks again at what was kept back. */
  release(): void {
    for (const [host, rows] of [...this.#held]) {
      this.#held.delete(host);
      for (const one of rows) this.take(one);
    }
  }

  /** Whether the Zeek has had the time to ask for all that it wants. */
  get #isSettled(): boolean {
    const { messages, clock } = this.#parts;
    return messages.hasEvents || (this.#askedAt !== undefined && clock.now() - this.#askedAt > ASKING_TIME);
  }

  #pass(rows: StreamedRows): void {
    const { host, topic, payload } = rows;
    const { asked, counts, handled, mayGoTo, outflow, positionOf, refuse } = this.#parts;
    const events = this.#skim(rows);
    const passed: Uint8Array[] = [];
    for (const event of events) {
      const verdict = judge(event, { id: host, endpointId: '' });
      if (verdict.is === 'refused') refuse(host, verdict.reason);
      else if (verdict.is === 'own') refuse(host, `${event.name} is no row, and came by the stream`);
      else if (asked.has(event.name)) {
        if (mayGoTo(topic)) passed.push(event.bytes);
        else refuse(host, `${event.name} goes to ${topic}, which is not a topic of the vocabularies`);
      } else if (this.#isSettled) {
        refuse(host, `${event.name} is an event that the Zeek has not asked for`);
      } else {
        // All of the message waits, so that it is settled as one.
        this.#held.set(host, [rows]);
        return;
      }
    }
    if (passed.length === 0) {
      rows.settled();
      return;
    }
    const position = positionOf(host);
    outflow.offer(position, topic, passed);
    outflow.ping(position, () => handled.arrived(() => rows.settled()));
    counts.events += passed.length;
    counts.rows += passed.length;
    counts.bytes += payload.length;
  }

  #skim({ host, payload }: StreamedRows): readonly SkimmedEvent[] {
    try {
      return skimEvents(payload);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#parts.refuse(host, `invalid message: ${error.message}`);
      return [];
    }
  }
}
