import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Sockets that only this machine's programs reach: files on Unix, named pipes on Windows. */

const PIPE = /^[\\/]{2}[.?][\\/]pipe[\\/]/i;

/** Whether the path is that of a named pipe, which is no file: it goes with the process that listens on it. */
export function isPipe(path: string): boolean {
  return PIPE.test(path);
}

/**
 * Where a program listens that keeps its files in that directory: a file in it, or, since pipes have a namespace of
 * their own, a pipe that is named after it.
 */
export function localSocket(directory: string, name: string, platform: string): string {
  if (platform !== 'win32') return join(directory, `${name}.sock`);
  // Windows takes either slash and any case for the same directory.
  const same = directory.replaceAll('/', '\\').replace(/\\+$/, '').toLowerCase();
  const hash = createHash('sha256').update(same).digest('hex').slice(0, 16);
  return `\\\\.\\pipe\\bro-osquery.${name}.${hash}`;
}
