import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import type { Timings } from '../../src/broker/connection.ts';
import { count, string } from '../../src/broker/data.ts';
import type { ZeekEvent } from '../../src/broker/zeek-event.ts';
import { listenNats, type NatsListenOptions } from '../../src/nats/nats-bro-server.ts';
import { connectNats, type NatsConnectOptions } from '../../src/nats/nats-connection.ts';
import type { JetStreamUse, NatsSettings } from '../../src/nats/settings.ts';
import type { VocabularyId } from '../../src/vocabulary/model.ts';
import { createDialect } from '../../src/zeek-client/dialects.ts';
import { startBro, type TestBro } from './bro.ts';
import type { TestNatsServer } from './nats-server.ts';
import { type Recorded, recordHandlers } from './recorded-connection.ts';
import type { Dial } from './spec-host.ts';

/** Where the server is, and how it is used. */
export function natsTarget(port: number, settings: Partial<NatsSettings> = {}) {
  return {
    host: '127.0.0.1',
    port,
    secure: false,
    settings: { prefix: 'osquery', jetstream: 'off' as JetStreamUse, ...settings },
    name: 'spec',
  };
}

/** A Bro at the server. */
export function startNatsBro(
  t: TestContext,
  server: TestNatsServer,
  settings: Partial<NatsSettings> = {},
  options: { readonly vocabulary?: VocabularyId; readonly endpointId?: string } = {},
): Promise<TestBro> {
  const { vocabulary = 'zeek-osquery', endpointId = randomUUID() } = options;
  const { filter } = createDialect(vocabulary, { endpointId });
  return startBro(t, {
    vocabulary,
    endpointId,
    listen: (accept) =>
      listenNats({ ...natsTarget(server.port, settings), endpointId, version: '0.0.1', filter }, accept),
  });
}

/** How a host reaches the Bro at the server. */
export function natsDial(
  port: number,
  hostId: string,
  settings: Partial<NatsSettings> = {},
  endpointId: string = randomUUID(),
): Dial {
  return (filter, handlers) =>
    connectNats({ ...natsTarget(port, settings), hostId, endpointId, filter }, handlers);
}

/** A Bro of which nothing is known but what it hears. */
export async function startPlainBro(
  t: TestContext,
  server: TestNatsServer,
  settings: Partial<NatsSettings> = {},
  endpointId: string = randomUUID(),
  more: Partial<NatsListenOptions> = {},
): Promise<{ readonly links: Recorded[]; readonly problems: string[]; close(): Promise<void> }> {
  const links: Recorded[] = [];
  const problems: string[] = [];
  const listener = await listenNats(
    {
      ...natsTarget(server.port, settings),
      endpointId,
      version: '0.0.1',
      filter: ['/t'],
      onProblem: (problem) => problems.push(problem),
      ...more,
    },
    (connection) => {
      const link = recordHandlers();
      links.push(link);
      return link.take(connection);
    },
  );
  t.after(() => listener.close());
  return { links, problems, close: () => listener.close() };
}

/** One life of a host's connection, closed after the test. */
export function connectPlainHost(
  t: TestContext,
  port: number,
  options: Partial<NatsConnectOptions> & { readonly timings?: Partial<Timings> } = {},
): Recorded {
  const recorded = recordHandlers();
  const connection = connectNats(
    { ...natsTarget(port), hostId: 'h1', endpointId: randomUUID(), filter: ['/t/host/h1'], ...options },
    recorded.handlers,
  );
  recorded.take(connection);
  t.after(() => connection.destroy());
  return recorded;
}

/** A NATS client with nothing of ours. */
export async function plainClient(
  t: TestContext,
  server: TestNatsServer,
  options: { readonly user?: string; readonly pass?: string } = {},
): Promise<NatsConnection> {
  const client = await connect({ servers: `127.0.0.1:${server.port}`, reconnect: false, ...options });
  t.after(() => client.close());
  return client;
}

/** What a stream keeps: ids of its messages, in order. */
export async function idsInStream(manager: JetStreamManager, stream: string): Promise<string[]> {
  const { state } = await manager.streams.info(stream);
  const ids: string[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
    ids.push((await manager.streams.getMessage(stream, { seq })).header.get('Nats-Msg-Id'));
  }
  return ids;
}

/** A stream whose messages stay when they have been read, to be looked at. */
export async function addKeepingStream(manager: JetStreamManager): Promise<void> {
  await manager.streams.add({ name: 'OSQUERY', subjects: ['osquery.rows.>'] });
}

/** The numbers of the rows in messages with these ids. */
export function rowsOfIds(ids: readonly string[]): number[] {
  return ids.flatMap((id) => {
    const [first = 0, last = first] = (id.split('.')[1] ?? '').split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** A row with its number, as the courier sends it. */
export function numberedRow(sequence: number, size = 20): ZeekEvent {
  return {
    name: 'spec::row',
    args: [string('h1'), string('x'.repeat(size))],
    metadata: [{ key: 200n, value: count(BigInt(sequence)) }],
  };
}

/** The number of a row. */
export function sequenceIn(event: ZeekEvent): number {
  const value = event.metadata?.find(({ key }) => key === 200n)?.value;
  return value?.type === 'count' ? Number(value.value) : -1;
}
