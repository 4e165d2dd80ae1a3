import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { isPipe } from '../../../text/local-socket.ts';
import { statusSocket } from './status-report.ts';

/** Callers at a time; a report is small and quickly written. */
const MOST_CALLERS = 16;
/** Milliseconds that a caller may take to read it. */
const PATIENCE = 5_000;

/**
 * Answers whoever connects with one report in JSON and hangs up; nothing is read. Nobody but our own user may
 * connect. The state directory is ours alone, so that a socket that is there is a dead one's.
 */
export function serveStatus(directory: string, report: () => object): Promise<Server> {
  const path = statusSocket(directory);
  if (!isPipe(path)) rmSync(path, { force: true });
  const server = createServer((socket) => answer(socket, report));
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

function answer(socket: Socket, report: () => object): void {
  socket.on('error', () => socket.destroy());
  socket.setTimeout(PATIENCE, () => socket.destroy());
  // What is said to us is let go, so that the end of the other side is seen.
  socket.resume();
  socket.end(`${JSON.stringify(report())}\n`);
}
