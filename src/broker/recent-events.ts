import { EncodedEvent } from './encoded-event.ts';
import type { ZeekEvent } from './zeek-event.ts';

const KEPT = 5;

/**
 * The last few events sent, to be named beside an error of Zeek's, which names none. Values are left out: they
 * may be anybody's secrets, and it is the types that Zeek refuses.
 */
export class RecentEvents {
  readonly #events: { readonly topic: string; readonly event: ZeekEvent }[] = [];

  add(topic: string, event: ZeekEvent): void {
    // What is in a buffer that is used again must be remembered elsewhere.
    this.#events.push({ topic, event: event instanceof EncodedEvent ? event.kept() : event });
    if (this.#events.length > KEPT) this.#events.shift();
  }

  /** `name(type, …) on topic`, the last first, each once; empty if nothing was sent. */
  describe(): string {
    const described = this.#events.map(
      ({ topic, event }) => `${event.name}(${event.args.map((arg) => arg.type).join(', ')}) on ${topic}`,
    );
    return [...new Set(described.reverse())].join('; ');
  }
}
