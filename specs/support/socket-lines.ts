import type { Socket } from 'node:net';

/** Calls back with each whole line that comes over the socket, whose errors are nobody's concern. */
export function onLines(socket: Socket, onLine: (line: string) => void): void {
  let rest = '';
  socket.on('error', () => {});
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
}
