/**
 * What connections cost, over each transport: `node --import tsx specs/bench/connections.bench.ts`. Events of a row's
 * size until the peer has confirmed them, and connections that come up and leave, each with both ends in this process.
 * Prints one line a measurement; NATS only where there is a nats-server.
 */
import { randomUUID } from 'node:crypto';
import type { Connection, ConnectionHandlers } from '../../src/broker/connection.ts';
import { string } from '../../src/broker/data.ts';
import type { Accept, Listener } from '../../src/broker/listening-server.ts';
import { connectTcp } from '../../src/broker/tcp-connection.ts';
import { listenTcp } from '../../src/broker/tcp-server.ts';
import { connectWebSocket } from '../../src/broker/websocket-connection.ts';
import { listenWebSocket } from '../../src/broker/websocket-server.ts';
import type { ZeekEvent } from '../../src/broker/zeek-event.ts';
import { listenNats } from '../../src/nats/nats-bro-server.ts';
import { connectNats } from '../../src/nats/nats-connection.ts';
import { natsTarget } from '../support/nats-fleet.ts';
import { natsServerProgram, runNatsServer } from '../support/nats-server.ts';
import { recordHandlers } from '../support/recorded-connection.ts';

const EVENTS = 60_000;
const BATCH = 500;
const ROUNDS = 3;
const CONNECTIONS = 300;
const TOPIC = '/bench/rows';

const event: ZeekEvent = {
  name: 'bench::row',
  args: [string('h1'), string('/usr/bin/process'), string('process --with --some --arguments')],
};
const batch = Array.from({ length: BATCH }, () => event);

interface Way {
  readonly name: string;
  readonly events: number;
  listen(accept: Accept): Promise<Listener>;
  connect(port: number, handlers: ConnectionHandlers): Connection;
  close?(): Promise<void>;
}

const host = '127.0.0.1';
const filter = [TOPIC];

function native(name: string, security: 'plain' | 'tls'): Way {
  return {
    name,
    events: EVENTS,
    listen: (accept) => listenTcp({ host, port: 0, security, endpointId: randomUUID(), filter }, accept),
    connect: (port, handlers) =>
      connectTcp({ host, port, security, endpointId: randomUUID(), filter: [] }, handlers),
  };
}

const webSocket: Way = {
  name: 'WebSocket',
  events: EVENTS,
  listen: (accept) => listenWebSocket({ host, port: 0, endpointId: randomUUID(), version: '8.0.0' }, accept),
  connect: (port, handlers) =>
    connectWebSocket(
      { host, port, secure: false, applicationName: 'bench', filter: ['/bench/host'] },
      handlers,
    ),
};

async function overNats(): Promise<Way> {
  const server = await runNatsServer();
  return {
    name: 'NATS',
    events: EVENTS / 4,
    listen: (accept) =>
      listenNats({ ...natsTarget(server.port), endpointId: randomUUID(), version: '8.0.0', filter }, accept),
    connect: (_, handlers) =>
      connectNats(
        {
          ...natsTarget(server.port),
          hostId: randomUUID(),
          endpointId: randomUUID(),
          filter: ['/bench/host'],
        },
        handlers,
      ),
    close: () => server.stop(),
  };
}

/** Counts what comes in, whoever sent it. */
function counting(): { readonly accept: Accept; readonly heard: () => number } {
  let heard = 0;
  const nothing = () => {};
  return {
    heard: () => heard,
    accept: () => ({
      ...{ onPhase: nothing, onUp: nothing, onFilter: nothing },
      ...{ onSuspect: nothing, onProblem: nothing, onClosed: nothing },
      onEvent: () => {
        heard += 1;
      },
    }),
  };
}

async function connected(way: Way, port: number): Promise<Connection> {
  const told = recordHandlers();
  told.take(way.connect(port, told.handlers));
  await told.up();
  return told.connection;
}

/** Events a second, the median of some rounds. */
async function throughput(way: Way, port: number, heard: () => number): Promise<number> {
  const connection = await connected(way, port);
  const rates: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = heard();
    const started = performance.now();
    for (let sent = 0; sent < way.events; sent += BATCH) await connection.send(TOPIC, batch);
    await connection.confirm();
    const seconds = (performance.now() - started) / 1_000;
    if (heard() - before !== way.events) throw new Error(`${heard() - before} of ${way.events} came`);
    // The first one warms up.
    if (round > 0) rates.push(way.events / seconds);
  }
  await connection.leave();
  return rates.sort((one, other) => one - other)[Math.floor(rates.length / 2)] ?? 0;
}

/** Milliseconds for a connection to come up and leave. */
async function coming(way: Way, port: number): Promise<number> {
  const started = performance.now();
  for (let n = 0; n < CONNECTIONS; n += 1) await (await connected(way, port)).leave();
  return (performance.now() - started) / CONNECTIONS;
}

const ways = [
  native('native, plain', 'plain'),
  native('native, anonymous TLS', 'tls'),
  webSocket,
  ...(natsServerProgram() === undefined ? [] : [await overNats()]),
];
for (const way of ways) {
  const { accept, heard } = counting();
  const listener = await way.listen(accept);
  const rate = await throughput(way, listener.port, heard);
  const each = await coming(way, listener.port);
  await listener.close();
  await way.close?.();
  const events = `${Math.round(rate).toLocaleString('en')} events/s until confirmed`;
  process.stdout.write(`${way.name}: ${events}; up and gone in ${each.toFixed(2)} ms\n`);
}
