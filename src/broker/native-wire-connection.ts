import type { Socket } from 'node:net';
import type { Clock } from './connection.ts';
import type { Wire } from './wire.ts';

/** How long a socket that is ending may take to deliver what was written. */
const LINGER = 1_000;

/**
 * The port of a session to a socket, secured or not. What is written in one turn of the event loop goes out together:
 * rows and the ping behind them are one packet, and one TLS record, not two.
 */
export function wireOf(socket: Socket, clock: Clock): Wire {
  const flush = () => socket.uncork();
  return {
    write(bytes) {
      if (socket.writableCorked === 0) {
        socket.cork();
        process.nextTick(flush);
      }
      return socket.write(bytes);
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => {
      socket.end();
      socket.resume();
      const timer = clock.setTimeout(() => socket.destroy(), LINGER);
      socket.once('close', () => clock.clearTimeout(timer));
    },
    destroy: () => socket.destroy(),
  };
}
