import { createServer, connect as netConnect, type Socket } from 'node:net';

/** A TCP proxy that can be made slow or silent, to stand for a network and for peers that are. */
export interface NetworkProxy {
  readonly port: number;
  /** Bytes that went on towards the target. */
  readonly forwarded: number;
  /**
   * `forward` all at once · `trickle`: towards the target 1 kB each turn of the event loop · `stall`: nothing
   * towards the target, and nothing more is read · `silent`: the connections there are swallow what comes from
   * either side from now on, for good, and pass on no end, as if a machine or a path were gone.
   */
  mode: 'forward' | 'trickle' | 'stall' | 'silent';
  /** Breaks every connection there is, at both ends; new ones may come. */
  cut(): void;
  close(): Promise<void>;
}

const TRICKLE = 1_000;

export async function startProxy(targetPort: number): Promise<NetworkProxy> {
  const sockets = new Set<Socket>();
  let mode: NetworkProxy['mode'] = 'forward';
  let forwarded = 0;
  const links = new Set<{ gone: boolean }>();
  const server = createServer((client) => {
    const target = netConnect({ host: '127.0.0.1', port: targetPort });
    let waiting: Buffer = Buffer.alloc(0);
    const link = { gone: mode === 'silent' };
    links.add(link);
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    const pump = () => {
      if (link.gone) waiting = Buffer.alloc(0);
      if (waiting.length > 0 && mode !== 'stall') {
        const size = mode === 'trickle' ? TRICKLE : waiting.length;
        target.write(waiting.subarray(0, size));
        forwarded += Math.min(size, waiting.length);
        waiting = waiting.subarray(size);
      }
      if (waiting.length > 0) setTimeout(pump, mode === 'stall' ? 5 : 0);
      else client.resume();
    };
    client.on('data', (chunk: Buffer) => {
      client.pause();
      waiting = Buffer.concat([waiting, chunk]);
      pump();
    });
    target.on('data', (chunk) => {
      if (!link.gone) client.write(chunk);
    });
    client.on('close', () => {
      if (!link.gone) target.destroy();
    });
    target.on('close', () => {
      if (!link.gone) client.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    get forwarded() {
      return forwarded;
    },
    get mode() {
      return mode;
    },
    set mode(next) {
      mode = next;
      if (next === 'silent') for (const link of links) link.gone = true;
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
