import type { Server, Socket } from 'node:net';
import { localSocket } from '../../../text/local-socket.ts';
import { listenPrivately } from './private-server.ts';

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
 * Calls `reload` when somebody connects and asks for it: what SIGHUP does, where there are no signals.
 */
export function serveReload(directory: string, reload: () => void): Promise<Server> {
  return listenPrivately(reloadSocket(directory), {
    mostCallers: MOST_CALLERS,
    answer: (socket) => answer(socket, reload),
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
