import type { Socket } from 'node:net';
import type { Clock } from './connection.ts';

/**
 * The first byte that arrives, left in the socket for the next reader; undefined if none arrives within `wait`
 * milliseconds, `closed` if the socket closes before. Without `wait` it waits for ever.
 */
export function firstByte(
  socket: Socket,
  clock: Clock,
  wait: number | undefined,
): Promise<number | 'closed' | undefined> {
  return new Promise((resolve) => {
    const done = (first: number | 'closed' | undefined) => {
      clock.clearTimeout(timer);
      socket.off('data', onData);
      socket.off('close', onClose);
      socket.pause();
      resolve(first);
    };
    const onData = (chunk: Buffer) => {
      done(chunk[0]);
      socket.unshift(chunk);
    };
    const onClose = () => done('closed');
    const timer = wait === undefined ? undefined : clock.setTimeout(() => done(undefined), wait);
    socket.on('data', onData);
    socket.once('close', onClose);
  });
}
