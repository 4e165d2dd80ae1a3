import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { isPipe } from '../../../text/local-socket.ts';

export interface PrivateServerOptions {
  /** Callers at a time. */
  readonly mostCallers: number;
  readonly answer: (socket: Socket) => void;
}

/**
 * Listens on a socket in the state directory, or on a pipe, to which nobody but our own user may connect (on Windows:
 * write). The state directory is ours alone, so that a socket that is there is a dead one's.
 */
export function listenPrivately(
  path: string,
  { mostCallers, answer }: PrivateServerOptions,
): Promise<Server> {
  if (!isPipe(path)) rmSync(path, { force: true });
  const server = createServer(answer);
  server.maxConnections = mostCallers;
  return new Promise((resolve, reject) => {
    // After listening, too: a connection that can't be accepted is no reason to end.
    server.on('error', reject);
    const umask = process.umask(0o177);
    try {
      server.listen(path, () => resolve(server.unref()));
    } finally {
      process.umask(umask);
    }
  });
}
