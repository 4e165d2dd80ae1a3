import type { Bus } from '../../../bus/bus.ts';

/** Remembers when links changed, which the machines, having no clock, don't. Milliseconds since the epoch. */
export class LinkHistory {
  readonly #retries = new Map<string, number>();
  /** When osqueryd was last found or lost; null if neither. */
  osquerySince: number | null = null;

  constructor(bus: Bus) {
    bus.subscribe(['peer.*.up', 'peer.*.down', 'osquery.registered', 'osquery.lost'], (message) => {
      if (message.type === 'peer.down' && message.retryIn !== null) {
        this.#retries.set(message.peer, message.at + message.retryIn);
      } else if (message.type === 'peer.up' || message.type === 'peer.down') {
        this.#retries.delete(message.peer);
      } else this.osquerySince = message.at;
    });
  }

  /** When the Bro's next attempt is, or was, due; null where none is. */
  retryAt(peer: string): number | null {
    return this.#retries.get(peer) ?? null;
  }
}
