import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { Connection } from '../../src/broker/connection.ts';
import { listenTcp } from '../../src/broker/tcp-server.ts';
import type { TopicEvent, ZeekEvent } from '../../src/broker/zeek-event.ts';
import { eventually } from './eventually.ts';

/** A Broker endpoint that keeps whatever it is sent, understood or not, and says what the spec says. */
export interface RawZeek {
  /** `broker://127.0.0.1:port` */
  readonly address: string;
  readonly endpointId: string;
  /** Everything that came, in order. */
  readonly events: readonly TopicEvent[];
  names(): readonly string[];
  /** Resolves with the first event of the name, past or to come. */
  until(name: string): Promise<ZeekEvent>;
  /** Sends an event to everybody who listens on the topic. */
  publish(topic: string, event: ZeekEvent): Promise<void>;
}

export async function startRawZeek(
  t: TestContext,
  filter: readonly string[] = ['/bro/osquery/'],
): Promise<RawZeek> {
  const events: TopicEvent[] = [];
  const connections = new Set<Connection>();
  const endpointId = randomUUID();
  const listener = await listenTcp(
    { host: '127.0.0.1', port: 0, security: 'plain', endpointId, filter },
    (connection) => ({
      onPhase: () => {},
      onUp: () => void connections.add(connection),
      onEvent: (topic, event) => void events.push({ topic, event }),
      onFilter: () => {},
      onSuspect: () => {},
      onProblem: () => {},
      onClosed: () => void connections.delete(connection),
    }),
  );
  t.after(() => listener.close());
  const find = (name: string) => events.find(({ event }) => event.name === name)?.event;
  return {
    address: `broker://127.0.0.1:${listener.port}`,
    endpointId,
    events,
    names: () => events.map(({ event }) => event.name),
    async until(name) {
      await eventually(name, () => find(name) !== undefined);
      const event = find(name);
      if (!event) throw new Error(`no ${name}`);
      return event;
    },
    async publish(topic, event) {
      for (const connection of connections) await connection.send(topic, [event]);
    },
  };
}
