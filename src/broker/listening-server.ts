import type { Server } from 'node:net';
import type { Connection, ConnectionHandlers } from './connection.ts';

/** What listens for connections, whatever its transport. */
export interface Listener {
  /** The port bound, of interest where 0 was asked for. */
  readonly port: number;
  /** Stops listening and says goodbye to everybody; resolves when all connections have closed. */
  close(): Promise<void>;
}

/** Gives the handlers of a connection that has come in; it hears of its end even where it never came up. */
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
