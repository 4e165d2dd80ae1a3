import { InvalidArgumentError } from 'commander';
import type { MetricsAddress } from './metrics-server.ts';

/** `9090` alone is on loopback. @throws InvalidArgumentError */
export function metricsAddress(text: string): MetricsAddress {
  const [, host = '127.0.0.1', port = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535) {
    throw new InvalidArgumentError('An address is host:port, or a port on loopback.');
  }
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}
