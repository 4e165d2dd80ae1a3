import type { ListenOptions } from 'node:net';
import type { networkInterfaces } from 'node:os';

/** Where an inspection listens or is found. */
export interface InspectAddress {
  readonly listen: ListenOptions;
  /** Whether only this machine's users reach it: loopback, or a Unix socket. */
  readonly isLocal: boolean;
  /** Of its WebSocket, for a client. */
  readonly socketUrl: string;
}

/** Reads `HOST:PORT`, `[IPV6]:PORT`, `PORT` (on loopback) or the path of a Unix socket, which has a slash. Null if it is none. */
export function parseInspectAddress(text: string): InspectAddress | null {
  if (text.includes('/')) {
    return { listen: { path: text }, isLocal: true, socketUrl: `ws+unix:${text}:/socket` };
  }
  const [, host = '127.0.0.1', digits = ''] =
    /^(?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) return null;
  const name = host.replaceAll(/[[\]]/g, '');
  return {
    listen: { host: name, port },
    isLocal: name === 'localhost' || name === '::1' || /^127\.\d+\.\d+\.\d+$/.test(name),
    socketUrl: `ws://${host}:${port}/socket`,
  };
}

/** A port on 127.0.0.1; 0: any that is free. */
export function loopback(port: number): InspectAddress {
  return {
    listen: { host: '127.0.0.1', port },
    isLocal: true,
    socketUrl: `ws://127.0.0.1:${port}/socket`,
  };
}

/**
 * What a browser can open of a server's address: the wildcard address (`0.0.0.0`, `[::]`) is all addresses of this
 * machine, loopback only where it has no other.
 */
export function reachableAddresses(
  address: string,
  interfaces: ReturnType<typeof networkInterfaces>,
): readonly string[] {
  if (!URL.canParse(address)) return [address];
  const url = new URL(address);
  if (url.hostname !== '0.0.0.0' && url.hostname !== '[::]') return [address];
  const all = Object.values(interfaces).flatMap((ofOne) => ofOne ?? []);
  const usable = all.filter(
    ({ family, internal, address }) =>
      !internal && (family === 'IPv4' || (url.hostname === '[::]' && !address.startsWith('fe80:'))),
  );
  const hosts = usable.map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address));
  return (hosts.length === 0 ? ['127.0.0.1'] : hosts).map((host) => {
    url.hostname = host;
    return url.href;
  });
}
