import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { StatusReport } from './status-report.ts';

/** The socket's name in the state directory. */
export const STATUS_SOCKET = 'status.sock';

/** Callers at a time; a report is small and quickly written. */
const MOST_CALLERS = 16;

/**
 * Answers whoever connects with one report in JSON and hangs up. Nobody but our own user may connect. The state
 * directory is ours alone, so that a socket that is there is a dead one's.
 */
export function serveStatus(directory: string, report: () => StatusReport): Promise<Server> {
  const path = join(directory, STATUS_SOCKET);
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(`${JSON.stringify(report())}\n`);
  });
  server.maxConnections = MOST_CALLERS;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const umask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve(server);
      });
    } finally {
      process.umask(umask);
    }
  });
}
