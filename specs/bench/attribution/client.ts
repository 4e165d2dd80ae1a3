/**
 * A client that opens many connections from one process: `node client.ts KIND HOST PORT NUMBER HOLD`. It prints a line
 * for each: its own port, how many milliseconds it lived, and what the server said. `burst`: all at once; `spread`: one
 * after another at random moments; `reuse`: from one port, ended by a reset; `udp`: connected datagram sockets.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const [, , kind = '', host = '', port = '', number = '', hold = ''] = process.argv;

async function open(localPort?: number): Promise<void> {
  const begun = performance.now();
  const socket = connect({ host, port: Number(port), ...(localPort === undefined ? {} : { localPort }) });
  await once(socket, 'connect');
  const own = socket.localPort;
  socket.write(`GET /?hold=${hold} HTTP/1.0\r\n\r\n`);
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  await once(socket, 'end');
  if (localPort !== undefined) socket.resetAndDestroy();
  else socket.end();
  process.stdout.write(
    `${own} ${Math.round(performance.now() - begun)} ${answer.split('\r\n\r\n')[1]?.trim()}\n`,
  );
}

async function datagrams(): Promise<void> {
  const begun = performance.now();
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.connect(Number(port), host);
  await once(socket, 'connect');
  const own = socket.address().port;
  socket.send('x');
  let answer = '';
  socket.on('message', (message) => {
    answer = message.toString();
  });
  await Promise.race([once(socket, 'message'), pause(2_000)]);
  await pause(Number(hold));
  socket.send('y');
  await Promise.race([once(socket, 'message'), pause(2_000)]);
  socket.close();
  process.stdout.write(`${own} ${Math.round(performance.now() - begun)} ${answer}\n`);
}

const count = Number(number);
if (kind === 'burst') await Promise.all(Array.from({ length: count }, () => open()));
for (let n = 0; kind !== 'burst' && n < count; n += 1) {
  if (kind === 'spread') {
    await pause(Math.random() * 200);
    await open();
  }
  if (kind === 'reuse') await open(Number(process.env['LOCAL_PORT']));
  if (kind === 'udp') await datagrams();
}
