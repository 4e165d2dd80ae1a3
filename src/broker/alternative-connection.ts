import type { Closed, ClosedCode, Connection, ConnectionHandlers } from './connection.ts';
import { type Carrier, ConnectionLifecycle } from './connection-lifecycle.ts';

/** Connects by one of several ways, whose filter is what is wanted at that moment. */
export type DialWay = (way: number, filter: readonly string[], handlers: ConnectionHandlers) => Connection;

/** Where each endpoint was reached last; shared by all attempts. */
export class WaysTaken {
  readonly #next = new Map<string, number>();

  /** The way to try first. */
  of(endpoint: string): number {
    return this.#next.get(endpoint) ?? 0;
  }

  note(endpoint: string, way: number): void {
    this.#next.set(endpoint, way);
  }
}

/** These ends say nothing against the way. */
const OUR_OWN: ReadonlySet<ClosedCode> = new Set(['left', 'filter-changed']);

/**
 * One connection to an endpoint that several ways lead to: they are tried one after the other until one comes up, and
 * to the owner that is one attempt. After a connection that was up the next attempt begins with the way after it.
 */
export function connectByAlternatives(
  {
    endpoint,
    ways,
    filter,
    taken,
  }: {
    readonly endpoint: string;
    readonly ways: number;
    readonly filter: readonly string[];
    readonly taken: WaysTaken;
  },
  dial: DialWay,
  handlers: ConnectionHandlers,
): Connection {
  const alternatives = new Alternatives({ endpoint, ways, filter, taken, dial, handlers });
  alternatives.dial();
  return alternatives.lifecycle;
}

interface Parts {
  readonly endpoint: string;
  readonly ways: number;
  readonly filter: readonly string[];
  readonly taken: WaysTaken;
  readonly dial: DialWay;
  readonly handlers: ConnectionHandlers;
}

class Alternatives {
  /** The connection, as its owner sees it: it rests on that over the way which is tried. */
  readonly lifecycle: ConnectionLifecycle;
  readonly #parts: Parts;
  readonly #failures: string[] = [];
  #way: number;

  constructor(parts: Parts) {
    const { endpoint, ways, filter, taken, handlers } = parts;
    this.#parts = parts;
    this.#way = taken.of(endpoint) % ways;
    this.lifecycle = new ConnectionLifecycle({ peerName: endpoint, filter }, handlers);
  }

  dial(): void {
    const { lifecycle } = this;
    const { dial, taken, endpoint } = this.#parts;
    const { handlers } = lifecycle;
    const current: Connection = dial(this.#way, lifecycle.filter, {
      onEvent: (topic, event) => handlers.onEvent(topic, event),
      onFilter: (topics) => handlers.onFilter(topics),
      onSuspect: (suspect) => handlers.onSuspect(suspect),
      onStream: (condition) => handlers.onStream?.(condition),
      onPhase: (phase) => lifecycle.enterPhase(phase),
      onProblem: (problem) => lifecycle.notice(problem),
      onUp: (remote) => {
        taken.note(endpoint, this.#way);
        lifecycle.up(carrier, current, remote);
      },
      onClosed: (closed) => this.#ended(closed),
    });
    const carrier: Carrier = {
      end: () => current.destroy(),
      subscribe: (filter) => current.subscribe(filter),
      goodbye: () => void current.leave(),
    };
    lifecycle.setCarrier(carrier);
  }

  #ended(closed: Closed): void {
    const { lifecycle } = this;
    const { taken, endpoint, ways } = this.#parts;
    // What our owner wants to end says nothing against the way either.
    if (OUR_OWN.has(closed.code) || lifecycle.at === 'leaving' || lifecycle.isClosed) {
      lifecycle.close(closed.code, closed.message, closed.refused);
      return;
    }
    this.#way = (this.#way + 1) % ways;
    taken.note(endpoint, this.#way);
    this.#failures.push(closed.message);
    if (!lifecycle.isPending) lifecycle.close(closed.code, closed.message, closed.refused);
    else if (this.#failures.length < ways) this.dial();
    // Whoever refuses may be asked again slowly, but only where all others did not let us in either.
    else lifecycle.close(closed.code, this.#failures.join('; '), closed.refused);
  }
}
