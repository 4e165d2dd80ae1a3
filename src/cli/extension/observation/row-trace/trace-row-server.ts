import type { Server, Socket } from 'node:net';
import { listenPrivately } from '../private-server.ts';
import { type HopReport, TRACE_ROW, traceRowSocket } from './hops.ts';

const MOST_CALLERS = 4;
/** Milliseconds in which a caller has to say what it wants, and to read what it is told. */
const PATIENCE = 60_000;

/** Sends a test row to each Zeek when somebody connects and asks for it, and tells of each hop in a line of JSON. */
export function serveTraceRow(
  directory: string,
  run: (say: (report: HopReport) => void) => Promise<void>,
): Promise<Server> {
  return listenPrivately(traceRowSocket(directory), {
    mostCallers: MOST_CALLERS,
    answer: (socket) => answer(socket, run),
  });
}

function answer(socket: Socket, run: (say: (report: HopReport) => void) => Promise<void>): void {
  let heard = '';
  let isAsked = false;
  socket.on('error', () => socket.destroy());
  socket.setTimeout(PATIENCE, () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    if (isAsked) return;
    heard += chunk.toString('latin1');
    if (!TRACE_ROW.startsWith(heard)) socket.destroy();
    if (heard !== TRACE_ROW) return;
    isAsked = true;
    // Whoever asked may have gone: the row goes its way all the same.
    const say = (report: HopReport) => void (socket.writable && socket.write(`${JSON.stringify(report)}\n`));
    run(say).finally(() => socket.end());
  });
}
