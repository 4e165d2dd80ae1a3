import { createServer, isIP, connect as netConnect, type Server, type Socket } from 'node:net';
import { ConnectedPeers } from './connected-peers.ts';
import {
  type Clock,
  type Closed,
  type Connection,
  ConnectionError,
  type ConnectionHandlers,
  DEFAULT_TIMINGS,
  type Timings,
} from './connection.ts';
import { DEFAULT_MAX_FRAME } from './frames.ts';
import { NativeSession, type SessionOptions, type Wire } from './native-session.ts';
import type { ZeekEvent } from './zeek-event.ts';

/** How long a socket that has said its last word may take to deliver it. */
const LINGER = 1_000;

export interface NativeOptions {
  /** Our endpoint id: a random UUID of version 4 in lower case, the same for all connections of one endpoint. */
  readonly endpointId: string;
  /** Topic prefixes that we want. */
  readonly filter: readonly string[];
  /** Shared by all connections of one endpoint; without it each knows of itself alone. */
  readonly peers?: ConnectedPeers;
  readonly timings?: Partial<Timings>;
  /** Bound on frames in bytes, 64 MiB by default. */
  readonly maxFrame?: number;
  readonly clock?: Clock;
}

export interface NativeConnectOptions extends NativeOptions {
  readonly host: string;
  readonly port: number;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Connects to a Broker endpoint over TCP. Names are resolved anew at each call. Never throws for what the network does. */
export function connectTcp(options: NativeConnectOptions, handlers: ConnectionHandlers): Connection {
  return new TcpConnection(options, handlers);
}

/** A connection that we open: the road to a session, then the session itself. */
class TcpConnection implements Connection {
  readonly #options: NativeConnectOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #clock: Clock;
  readonly #timings: Timings;
  readonly #peerName: string;
  readonly #socket: Socket;
  readonly #finished = Promise.withResolvers<void>();
  readonly #deadline: unknown;
  #filter: readonly string[];
  #session: NativeSession | undefined;
  #closed: Closed | undefined;

  constructor(options: NativeConnectOptions, handlers: ConnectionHandlers) {
    const { host, port } = options;
    this.#options = options;
    this.#handlers = handlers;
    this.#filter = options.filter;
    this.#clock = options.clock ?? systemClock;
    this.#timings = { ...DEFAULT_TIMINGS, ...options.timings };
    this.#peerName = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const limit = this.#timings.connect;
    this.#deadline = this.#clock.setTimeout(() => {
      this.#close('connect-timeout', `${this.#peerName} did not answer within ${limit} ms`);
    }, limit);
    const literal = isIP(host) !== 0;
    this.#socket = netConnect({ host, port, noDelay: true });
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#failed(error));
    this.#socket.once('lookup', () => this.#phase('connecting'));
    this.#socket.once('connect', () => this.#connected());
    // Not before the caller has the connection that it is told about.
    queueMicrotask(() => this.#phase(literal ? 'connecting' : 'resolving'));
  }

  send(topic: string, events: readonly ZeekEvent[]): Promise<void> {
    return this.#session?.send(topic, events) ?? this.#notUp();
  }

  confirm(): Promise<void> {
    return this.#session?.confirm() ?? this.#notUp();
  }

  subscribe(filter: readonly string[]): void {
    this.#filter = filter;
    this.#session?.subscribe(filter);
  }

  leave(): Promise<void> {
    if (this.#session) return this.#session.leave();
    this.destroy();
    return this.#finished.promise;
  }

  destroy(): void {
    if (this.#session) this.#session.destroy();
    else this.#close('left', `gave up the connection to ${this.#peerName}`);
  }

  #phase(phase: 'resolving' | 'connecting'): void {
    if (!this.#closed && !this.#session) this.#handlers.onPhase(phase);
  }

  #connected(): void {
    this.#clock.clearTimeout(this.#deadline);
    if (this.#closed) return;
    const session = openSession(
      this.#socket,
      {
        ...sessionOptions(this.#options, this.#clock, this.#timings),
        side: 'connecting',
        filter: this.#filter,
        peerName: this.#peerName,
        transport: 'tcp',
        authenticated: false,
      },
      this.#handlers,
    );
    this.#session = session;
    session.start(this.#timings.handshake);
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#session) return;
    const failure = error instanceof AggregateError ? (error.errors.at(-1) as Error) : error;
    if (error.syscall?.startsWith('getaddrinfo')) {
      this.#close('resolve-failed', `the name ${this.#options.host} has no address: ${failure.message}`);
    } else {
      this.#close('connect-failed', `can't connect to ${this.#peerName}: ${failure.message}`);
    }
  }

  #close(code: Closed['code'], message: string): void {
    if (this.#closed || this.#session) return;
    this.#closed = { code, message, refused: false };
    this.#clock.clearTimeout(this.#deadline);
    this.#socket.destroy();
    this.#handlers.onClosed(this.#closed);
    this.#finished.resolve();
  }

  #notUp(): Promise<never> {
    const { code, message } = this.#closed ?? {
      code: 'not-up' as const,
      message: `the connection to ${this.#peerName} is not up yet`,
    };
    return Promise.reject(new ConnectionError(code, message));
  }
}

export interface Listener {
  /** The port bound, of interest where 0 was asked for. */
  readonly port: number;
  /** Stops listening and says goodbye to everybody; resolves when all connections have closed. */
  close(): Promise<void>;
}

export interface NativeListenOptions extends NativeOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Connections that may be open at once, those in their handshake included; 1,000 by default. */
  readonly maxConnections?: number;
}

/**
 * Listens as a Broker endpoint. `accept` is asked for handlers for each connection that comes in.
 * @throws the system's error if the address can't be bound
 */
export async function listenTcp(
  options: NativeListenOptions,
  accept: (connection: Connection, remoteAddress: string) => ConnectionHandlers,
): Promise<Listener> {
  const clock = options.clock ?? systemClock;
  const timings = { ...DEFAULT_TIMINGS, ...options.timings };
  const shared = { ...options, peers: options.peers ?? new ConnectedPeers() };
  const sessions = new Set<NativeSession>();
  const server = createServer({ noDelay: true }, (socket) => {
    const remoteAddress = `${socket.remoteAddress}:${socket.remotePort}`;
    const session = openSession(
      socket,
      {
        ...sessionOptions(shared, clock, timings),
        side: 'accepting',
        filter: options.filter,
        peerName: remoteAddress,
        transport: 'tcp',
        authenticated: false,
      },
      (connection) => accept(connection, remoteAddress),
    );
    sessions.add(session);
    socket.once('close', () => sessions.delete(session));
    session.start(timings.handshake);
  });
  server.maxConnections = options.maxConnections ?? 1_000;
  await listening(server, options.host, options.port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all([...sessions].map((session) => session.leave()));
      await closed;
    },
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function sessionOptions(options: NativeOptions, clock: Clock, timings: Timings) {
  const { endpointId, peers = new ConnectedPeers(), maxFrame = DEFAULT_MAX_FRAME } = options;
  return { endpointId, peers, maxFrame, clock, timings };
}

/** A session on an open socket. */
function openSession(
  socket: Socket,
  options: SessionOptions,
  handlers: ConnectionHandlers | ((connection: Connection) => ConnectionHandlers),
): NativeSession {
  const wire: Wire = {
    write: (bytes) => socket.write(bytes),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => {
      socket.end();
      socket.resume();
      const timer = options.clock.setTimeout(() => socket.destroy(), LINGER);
      socket.once('close', () => options.clock.clearTimeout(timer));
    },
    destroy: () => socket.destroy(),
  };
  const session = new NativeSession(wire, options, handlers);
  // Where even the timers of a session are not reached, the kernel's probes end a dead connection.
  socket.setKeepAlive(true, 60_000);
  socket.on('data', (chunk: Buffer) => session.receive(chunk));
  socket.on('drain', () => session.drained());
  socket.on('end', () => session.ended());
  socket.on('error', (error) => session.close('reset', `${options.peerName}: ${error.message}`));
  socket.on('close', () => session.ended());
  return session;
}
