/**
 * The servers of the generator, each a process of its own: `node servers.ts KIND PORT`. They answer each HTTP request,
 * after as many milliseconds as `?hold=` says, with the client's port and the pids of the processes that held the
 * connection. `plain`: one process; `cluster`: a process accepts and hands over to two others; `shared`: two processes
 * listen on the port, and each accepts its own; `udp`: sends each datagram's port back.
 * Each prints its pid.
 */
import cluster from 'node:cluster';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';

const [, , kind = '', port = ''] = process.argv;
process.stdout.write(`${process.pid}\n`);

function serve(options: { readonly reusePort?: boolean }, holders: readonly number[]): void {
  createServer((request, response) => {
    const hold = Number(new URL(request.url ?? '/', 'http://localhost').searchParams.get('hold') ?? 0);
    setTimeout(() => response.end(`${request.socket.remotePort} ${holders.join(' ')}\n`), hold);
  }).listen({ port: Number(port), backlog: 511, host: '::', ...options });
}

switch (kind) {
  case 'plain':
    serve({}, [process.pid]);
    break;
  case 'shared':
    serve({ reusePort: true }, [process.pid]);
    break;
  case 'cluster':
    if (cluster.isPrimary) for (let n = 0; n < 2; n += 1) cluster.fork();
    else serve({}, [process.pid, process.ppid]);
    break;
  case 'udp': {
    const socket = createSocket('udp6');
    socket.on('message', (_, from) => socket.send(`${from.port} ${process.pid}`, from.port, from.address));
    socket.bind(Number(port), '::');
    break;
  }
}
