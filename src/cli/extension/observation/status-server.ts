import type { Server, Socket } from 'node:net';
import { listenPrivately } from './private-server.ts';
import { statusSocket } from './status-report.ts';

/** Callers at a time; a report is small and quickly written. */
const MOST_CALLERS = 16;
/** Milliseconds that a caller may take to read it. */
const PATIENCE = 5_000;

/**
 * Answers whoever connects with one report in JSON and hangs up; nothing is read.
 */
export function serveStatus(directory: string, report: () => object | Promise<object>): Promise<Server> {
  return listenPrivately(statusSocket(directory), {
    mostCallers: MOST_CALLERS,
    answer: (socket) => answer(socket, report),
  });
}

async function answer(socket: Socket, report: () => object | Promise<object>): Promise<void> {
  socket.on('error', () => socket.destroy());
  socket.setTimeout(PATIENCE, () => socket.destroy());
  // What is said to us is let go, so that the end of the other side is seen.
  socket.resume();
  const said = JSON.stringify(await report());
  socket.end(`${said}\n`);
}
