import { createServer, type Server } from 'node:net';
import { formatHostAndPort } from './address.ts';
import { ConnectedPeers } from './connected-peers.ts';
import type { Connection, ConnectionHandlers } from './connection.ts';
import { NativeConnection, type NativeOptions } from './native-connection.ts';

export interface Listener {
  /** The port bound, of interest where 0 was asked for. */
  readonly port: number;
  /** Stops listening and says goodbye to everybody; resolves when all connections have closed. */
  close(): Promise<void>;
}

export interface NativeListenOptions extends NativeOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Connections that may be open at once, those in their handshake included; 1,000 by default. */
  readonly maxConnections?: number;
}

/** Gives the handlers of a connection that has come in; it hears of its end even where it never came up. */
export type Accept = (connection: Connection, remoteAddress: string) => ConnectionHandlers;

/**
 * Listens as a Broker endpoint.
 * @throws the system's error if the address can't be bound
 */
export async function listenTcp(options: NativeListenOptions, accept: Accept): Promise<Listener> {
  const shared = { ...options, peers: options.peers ?? new ConnectedPeers() };
  const connections = new Set<Connection>();
  const server = createServer({ noDelay: true }, (socket) => {
    const peerName = formatHostAndPort(socket.remoteAddress ?? 'unknown', socket.remotePort ?? 0);
    const connection = new NativeConnection({ ...shared, side: 'accepting', peerName }, (self) =>
      accept(self, peerName),
    );
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
    connection.opened(socket, 0);
  });
  server.maxConnections = options.maxConnections ?? 1_000;
  await bind(server, options.host, options.port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all([...connections].map((connection) => connection.leave()));
      await closed;
    },
  };
}

/** Starts to listen. @throws the system's error */
export function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
