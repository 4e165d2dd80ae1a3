import type { Closed } from './connection.ts';

/**
 * Why no TCP connection to a host came about, by Node's error. Where a name has several addresses Node tries them all
 * and gives their errors together: the last one speaks for them.
 */
export function dialFailure(
  error: NodeJS.ErrnoException,
  host: string,
  peerName: string,
): Pick<Closed, 'code' | 'message'> {
  const last: unknown = error instanceof AggregateError ? error.errors.at(-1) : error;
  const { message } = last instanceof Error ? last : error;
  return error.syscall?.startsWith('getaddrinfo')
    ? { code: 'resolve-failed', message: `can't resolve ${host}: ${message}` }
    : { code: 'connect-failed', message: `can't connect to ${peerName}: ${message}` };
}
