import { createServer } from 'node:net';
import { formatHostAndPort } from './address.ts';
import { ConnectedPeers } from './connected-peers.ts';
import type { Connection } from './connection.ts';
import { type Accept, bind, type Listener } from './listening-server.ts';
import { NativeConnection, type NativeOptions } from './native-connection.ts';

export interface NativeListenOptions extends NativeOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Connections that may be open at once, those in their handshake included; 1,000 by default. */
  readonly maxConnections?: number;
}

/**
 * Listens as a Broker endpoint.
 * @throws the system's error if the address can't be bound
 */
export async function listenTcp(options: NativeListenOptions, accept: Accept): Promise<Listener> {
  const shared = { ...options, peers: options.peers ?? new ConnectedPeers() };
  const connections = new Set<Connection>();
  const server = createServer({ noDelay: true }, (socket) => {
    const peerName = formatHostAndPort(socket.remoteAddress ?? 'unknown', socket.remotePort ?? 0);
    const native = new NativeConnection({ ...shared, side: 'accepting', peerName }, (self) =>
      accept(self, peerName),
    );
    connections.add(native.lifecycle);
    socket.once('close', () => connections.delete(native.lifecycle));
    native.opened(socket, 0);
  });
  server.maxConnections = options.maxConnections ?? 1_000;
  const port = await bind(server, options.host, options.port);
  return {
    port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all([...connections].map((connection) => connection.leave()));
      await closed;
    },
  };
}
