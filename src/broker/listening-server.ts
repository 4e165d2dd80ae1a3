import type { Server } from 'node:net';
import type { Connection, ConnectionHandlers } from './connection.ts';

/** What listens for connections, whatever its transport. */
export interface Listener {
  /** The port bound, of interest where 0 was asked for. */
  readonly port: number;
  /** Stops listening and shuts every connection down cleanly; resolves when all have closed. */
  close(): Promise<void>;
}

/** Gives the handlers of an incoming connection, which are told of its end even if it never came up. */
export type Accept = (connection: Connection, remoteAddress: string) => ConnectionHandlers;

/** Starts to listen. @returns the port bound @throws the system's error */
export function bind(server: Server, host: string, port: number, backlog?: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, ...(backlog !== undefined && { backlog }) }, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}
