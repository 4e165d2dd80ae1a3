import type {
  Closed,
  Connection,
  ConnectionHandlers,
  ConnectionPhase,
  Remote,
  StreamCondition,
} from '../../src/broker/connection.ts';
import type { TopicEvent } from '../../src/broker/zeek-event.ts';

/** What one side of a connection was told, in full. */
export interface Recorded {
  readonly handlers: ConnectionHandlers;
  readonly connection: Connection;
  readonly phases: ConnectionPhase[];
  readonly remote: Remote | undefined;
  readonly events: TopicEvent[];
  readonly filters: (readonly string[])[];
  readonly suspects: boolean[];
  readonly problems: string[];
  readonly conditions: StreamCondition[];
  readonly closed: Closed | undefined;
  /** Remembers the connection; gives the handlers, as a listener wants them. */
  take(connection: Connection): ConnectionHandlers;
  /** Resolves when up; rejects when closed instead. */
  up(): Promise<Remote>;
  closing(): Promise<Closed>;
  /** Resolves as soon as the condition holds after something was told. */
  until(condition: (recorded: Recorded) => boolean): Promise<void>;
}

export function recordHandlers(): Recorded {
  let connection: Connection | undefined;
  let remote: Remote | undefined;
  let closed: Closed | undefined;
  const phases: ConnectionPhase[] = [];
  const events: TopicEvent[] = [];
  const filters: (readonly string[])[] = [];
  const suspects: boolean[] = [];
  const problems: string[] = [];
  const conditions: StreamCondition[] = [];
  const waiting = new Set<() => void>();
  const told = (change: () => void) => {
    if (closed) throw new Error('told something after the end');
    change();
    for (const check of [...waiting]) check();
  };
  const recorded: Recorded = {
    get connection() {
      if (!connection) throw new Error('no connection yet');
      return connection;
    },
    get remote() {
      return remote;
    },
    get closed() {
      return closed;
    },
    phases,
    events,
    filters,
    suspects,
    problems,
    conditions,
    handlers: {
      onPhase: (phase) => told(() => phases.push(phase)),
      onUp: (peer) =>
        told(() => {
          remote = peer;
        }),
      onEvent: (topic, event) => told(() => events.push({ topic, event })),
      onFilter: (topics) => told(() => filters.push(topics)),
      onSuspect: (suspect) => told(() => suspects.push(suspect)),
      onProblem: (problem) => told(() => problems.push(problem)),
      onStream: (condition) => told(() => conditions.push(condition)),
      onClosed: (reason) =>
        told(() => {
          closed = reason;
        }),
    },
    take(taken) {
      connection = taken;
      return recorded.handlers;
    },
    async up() {
      await recorded.until(() => remote !== undefined || closed !== undefined);
      if (!remote) throw new Error(`closed instead of up: ${closed?.code} ${closed?.message}`);
      return remote;
    },
    async closing() {
      await recorded.until(() => closed !== undefined);
      if (!closed) throw new Error('not closed');
      return closed;
    },
    until(condition) {
      return new Promise((resolve) => {
        const check = () => {
          if (!condition(recorded)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    },
  };
  return recorded;
}
