import {
  type Closed,
  type ClosedCode,
  type Connection,
  ConnectionError,
  type ConnectionHandlers,
  type OnLeftOut,
} from './connection.ts';
import type { ZeekEvent } from './zeek-event.ts';

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
  const connection = new AlternativeConnection({ endpoint, ways, filter, taken, dial, handlers });
  connection.dial();
  return connection;
}

interface Parts {
  readonly endpoint: string;
  readonly ways: number;
  readonly filter: readonly string[];
  readonly taken: WaysTaken;
  readonly dial: DialWay;
  readonly handlers: ConnectionHandlers;
}

class AlternativeConnection implements Connection {
  readonly #parts: Parts;
  #filter: readonly string[];
  #way: number;
  #tried = 0;
  #current: Connection | undefined;
  #isUp = false;
  #isOver = false;
  #closed: Closed | undefined;
  readonly #failures: string[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#filter = parts.filter;
    this.#way = parts.taken.of(parts.endpoint) % parts.ways;
  }

  dial(): void {
    const { dial, handlers } = this.#parts;
    this.#tried += 1;
    this.#current = dial(this.#way, this.#filter, {
      ...wrapped(handlers),
      onUp: (remote) => {
        this.#isUp = true;
        this.#parts.taken.note(this.#parts.endpoint, this.#way);
        handlers.onUp(remote);
      },
      onClosed: (closed) => this.#ended(closed),
    });
  }

  send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void> {
    return this.#current && !this.#closed ? this.#current.send(topic, events, onLeftOut) : this.#notUp();
  }

  confirm(): Promise<void> {
    return this.#current && !this.#closed ? this.#current.confirm() : this.#notUp();
  }

  subscribe(filter: readonly string[]): void {
    this.#filter = filter;
    this.#current?.subscribe(filter);
  }

  leave(): Promise<void> {
    this.#isOver = true;
    return this.#current?.leave() ?? Promise.resolve();
  }

  destroy(): void {
    this.#isOver = true;
    this.#current?.destroy();
  }

  #ended(closed: Closed): void {
    const { taken, endpoint, ways, handlers } = this.#parts;
    const isOurs = this.#isOver || OUR_OWN.has(closed.code);
    if (!isOurs) {
      this.#way = (this.#way + 1) % ways;
      taken.note(endpoint, this.#way);
      this.#failures.push(closed.message);
      if (!this.#isUp && this.#tried < ways) {
        this.dial();
        return;
      }
    }
    // Whoever refuses may be asked again slowly, but only where all others did not let us in either.
    const message = this.#isUp || isOurs ? closed.message : this.#failures.join('; ');
    this.#closed = { ...closed, message };
    handlers.onClosed(this.#closed);
  }

  #notUp(): Promise<never> {
    const { code, message } = this.#closed ?? {
      code: 'not-up' as const,
      message: `the connection to ${this.#parts.endpoint} is not up yet`,
    };
    return Promise.reject(new ConnectionError(code, message));
  }
}

function wrapped(handlers: ConnectionHandlers): ConnectionHandlers {
  return {
    onPhase: (phase) => handlers.onPhase(phase),
    onUp: (remote) => handlers.onUp(remote),
    onEvent: (topic, event) => handlers.onEvent(topic, event),
    onFilter: (topics) => handlers.onFilter(topics),
    onSuspect: (suspect) => handlers.onSuspect(suspect),
    onProblem: (problem) => handlers.onProblem(problem),
    onClosed: (closed) => handlers.onClosed(closed),
  };
}
