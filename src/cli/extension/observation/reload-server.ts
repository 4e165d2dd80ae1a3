import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { isPipe, localSocket } from '../../../text/local-socket.ts';

/** Where an extension is told to read its configuration again, by its state directory. */
export const reloadSocket = (stateDirectory: string): string =>
  localSocket(stateDirectory, 'reload', process.platform);

/** The one word that is said, and the answer. */
export const RELOAD = 'reload\n';
export const RELOADING = 'reloading\n';

const MOST_CALLERS = 4;
/** Milliseconds. */
const PATIENCE = 5_000;

/**
 * Calls `reload` when somebody connects and asks for it: what SIGHUP does, where there are no signals. Nobody but our
 * own user may connect (on Windows: write to the pipe). A socket that is there is a dead one's.
 */
export function serveReload(directory: string, reload: () => void): Promise<Server> {
  const path = reloadSocket(directory);
  if (!isPipe(path)) rmSync(path, { force: true });
  const server = createServer((socket) => answer(socket, reload));
  server.maxConnections = MOST_CALLERS;
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

function answer(socket: Socket, reload: () => void): void {
  let heard = '';
  socket.on('error', () => socket.destroy());
  socket.setTimeout(PATIENCE, () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1');
    if (heard === RELOAD) {
      reload();
      socket.end(RELOADING);
    } else if (!RELOAD.startsWith(heard)) socket.destroy();
  });
}
