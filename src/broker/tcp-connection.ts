import { isIP, connect as netConnect, type Socket } from 'node:net';
import { formatHostAndPort } from './address.ts';
import type { Connection, ConnectionHandlers } from './connection.ts';
import { Deadline } from './deadline.ts';
import { dialFailure } from './dial-failure.ts';
import { NativeConnection, type NativeOptions } from './native-connection.ts';
import type { SecurityMemory } from './security-memory.ts';

export interface NativeConnectOptions extends NativeOptions {
  readonly host: string;
  readonly port: number;
  /** Shared by all attempts, so that `auto` finds out once. */
  readonly memory?: SecurityMemory;
}

/**
 * Connects to a Broker endpoint over TCP. Names are resolved and certificates read anew at each call. Never
 * throws: whatever fails comes as `onClosed`.
 */
export function connectTcp(options: NativeConnectOptions, handlers: ConnectionHandlers): Connection {
  const { host, port } = options;
  const peerName = formatHostAndPort(host, port);
  const connection = new NativeConnection({ ...options, side: 'connecting', peerName }, handlers);
  const literal = isIP(host) !== 0;
  // Not before the caller has the connection that it is told about.
  queueMicrotask(() => {
    connection.phase(literal ? 'connecting' : 'resolving');
    if (connection.closed) return;
    const started = connection.clock.now();
    const limit = connection.timings.connect;
    const deadline = new Deadline(connection.clock);
    deadline.set(limit, () =>
      connection.fail('connect-timeout', `${peerName} did not answer within ${limit} ms`),
    );
    const socket: Socket = netConnect({ host, port, noDelay: true });
    connection.owns(socket);
    const failed = (error: NodeJS.ErrnoException) => {
      const { code, message } = dialFailure(error, host, peerName);
      connection.fail(code, message);
    };
    socket.once('error', failed);
    socket.once('lookup', () => connection.phase('connecting'));
    socket.once('close', () => deadline.clear());
    socket.once('connect', () => {
      deadline.clear();
      socket.off('error', failed);
      connection.opened(socket, connection.clock.now() - started);
    });
  });
  return connection;
}
