import { isPipe } from '../text/local-socket.ts';
import { OsqueryError } from './osquery-error.ts';

/** The kernel takes 107 bytes; osquery appends "." and a uuid to the manager's path for each extension. */
const MAX_BYTES = 97;

/** Where an extension listens, by the uuid that osqueryd has given it. */
export function extensionSocketPath(managerPath: string, uuid: number): string {
  return `${managerPath}.${uuid}`;
}

/** Throws {@link OsqueryError} `unreachable` where an extension of the manager at this path could not listen. */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (isPipe(path)) return;
  if (bytes <= MAX_BYTES) return;
  throw new OsqueryError(
    'unreachable',
    `the path of osquery's socket has ${bytes} bytes, a unix socket allows ${MAX_BYTES} here (an extension's ` +
      `path is longer by its uuid): give osqueryd a shorter --extensions_socket than ${path}`,
  );
}
