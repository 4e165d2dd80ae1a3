import { isIP, connect as netConnect, type Socket } from 'node:net';
import { formatHostAndPort } from './address.ts';
import type { Connection, ConnectionHandlers } from './connection.ts';
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
  const native = new NativeConnection({ ...options, side: 'connecting', peerName }, handlers);
  const { lifecycle } = native;
  const literal = isIP(host) !== 0;
  // Not before the caller has the connection that the event is about.
  queueMicrotask(() => {
    lifecycle.enterPhase(literal ? 'connecting' : 'resolving');
    if (lifecycle.isClosed) return;
    const started = lifecycle.clock.now();
    const limit = lifecycle.timings.connect;
    lifecycle.setDeadline(limit, () =>
      lifecycle.close('connect-timeout', `${peerName} did not answer within ${limit} ms`),
    );
    const socket: Socket = netConnect({ host, port, noDelay: true });
    native.owns(socket);
    const failed = (error: NodeJS.ErrnoException) => {
      const { code, message } = dialFailure(error, host, peerName);
      lifecycle.close(code, message);
    };
    socket.once('error', failed);
    socket.once('lookup', () => lifecycle.enterPhase('connecting'));
    socket.once('connect', () => {
      socket.off('error', failed);
      native.opened(socket, lifecycle.clock.now() - started);
    });
  });
  return lifecycle;
}
