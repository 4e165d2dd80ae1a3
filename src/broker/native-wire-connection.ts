import type { Socket } from 'node:net';
import type { Clock } from './connection.ts';
import type { Wire } from './wire.ts';

/** How long a socket that is ending may take to deliver what was written. */
const LINGER = 1_000;

/** The port of a session to a socket, secured or not. */
export function wireOf(socket: Socket, clock: Clock): Wire {
  return {
    write: (bytes) => socket.write(bytes),
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
