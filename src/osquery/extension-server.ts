/**
 * The extension's own socket, `<manager's path>.<uuid>`: osqueryd connects anew for every single message, sends
 * one request and waits for its reply.
 */
import { rmSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { isPipe } from '../text/local-socket.ts';
import { ByteBudget } from './byte-budget.ts';
import {
  type ExtensionHandlers,
  type ExtensionTrouble,
  type MidCall,
  serveConnection,
} from './extension-connection.ts';
import { OsqueryError } from './osquery-error.ts';
import { ReplyCache } from './reply-cache.ts';
import { checkSocketPath, extensionSocketPath } from './socket-path.ts';

/** Bounds of what clients may make us hold, in bytes and milliseconds. */
export interface ExtensionLimits {
  /** A message that is larger, or announces to become so, is refused. Default 1 GiB. */
  readonly message: number;
  /** A longer value is dropped and reported, its call answered. Default 511 MiB: longer strings V8 has not. */
  readonly string: number;
  /** What all connections hold together, beside one message. Default 1 GiB. */
  readonly total: number;
  /** Silence after which a connection is closed. Default 30 000. */
  readonly idleTimeout: number;
  readonly connections: number;
}

const DEFAULT_LIMITS: ExtensionLimits = {
  message: 0x4000_0000,
  string: 0x1ff0_0000,
  total: 0x4000_0000,
  idleTimeout: 30_000,
  connections: 1024,
};

export interface ExtensionServerOptions {
  /** Path of osquery's manager socket. */
  readonly managerPath: string;
  /** As given by `registerExtension`; our replies carry it. */
  readonly uuid: number;
  readonly handlers: ExtensionHandlers;
  readonly limits?: Partial<ExtensionLimits>;
  /** Called when a client comes with a message; what it returns is called when the client has its reply, or has left. */
  readonly onRequest?: () => () => void;
  /** Told of each trouble that a client made; never to throw. */
  readonly report: (trouble: ExtensionTrouble) => void;
}

export interface ExtensionServer {
  readonly path: string;
  /** Bytes of requests held at this moment. */
  readonly held: number;
  /**
   * Takes no more connections and removes the socket file at once; ends when the calls that are being answered
   * are, or after `grace` milliseconds.
   */
  close(grace?: number): Promise<void>;
}

/** Listens; the socket's permissions are those of osquery's own, writable for nobody but its owner. */
export async function listenExtension(options: ExtensionServerOptions): Promise<ExtensionServer> {
  const { managerPath, uuid, handlers, onRequest = () => () => {}, report } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  checkSocketPath(managerPath);
  const path = extensionSocketPath(managerPath, uuid);
  const budget = new ByteBudget(limits.total);
  const sockets = new Map<Socket, MidCall>();
  const context = {
    ...{ uuid, handlers, limits, idleTimeout: limits.idleTimeout, budget, onRequest, report },
    replies: new ReplyCache(uuid),
  };
  // A client that has sent its request may end its side and still wants the reply.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('close', () => sockets.delete(socket));
    sockets.set(socket, serveConnection(socket, context));
  });
  server.maxConnections = limits.connections;
  // osqueryd gave this uuid to us alone: what is left under its name is of a dead extension.
  removeSocket(path);
  await listen(server, path, permissions(managerPath));
  return {
    path,
    get held() {
      return budget.held;
    },
    close: (grace = 5_000) => close(server, sockets, path, grace),
  };
}

/** A pipe goes with its server. */
function removeSocket(path: string): void {
  if (!isPipe(path)) rmSync(path, { force: true });
}

function permissions(managerPath: string): number {
  if (isPipe(managerPath)) return 0o700;
  const { mode } = statSync(managerPath, { throwIfNoEntry: false }) ?? { mode: 0o700 };
  return mode & 0o755;
}

/** With the umask set while the file is made there is no moment at which others may connect. */
function listen(server: Server, path: string, mode: number): Promise<void> {
  return new Promise((resolve, reject) => {
    // After listening, too: a connection that can't be accepted is no reason to end.
    server.on('error', (error) => {
      reject(new OsqueryError('unreachable', `can't listen on ${path}: ${error.message}`, null, error));
    });
    const umask = process.umask(0o777 & ~mode);
    try {
      server.listen({ path }, resolve);
    } finally {
      process.umask(umask);
    }
  });
}

function close(
  server: Server,
  sockets: ReadonlyMap<Socket, MidCall>,
  path: string,
  grace: number,
): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      for (const socket of sockets.keys()) socket.destroy();
    }, grace);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    removeSocket(path);
    // Who is in the middle of nothing is not waited for.
    for (const [socket, midCall] of sockets) if (!midCall()) socket.destroy();
  });
}
