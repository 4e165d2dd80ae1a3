import type { Socket } from 'node:net';
import type { NativeSecurity } from './address.ts';
import { ConnectedPeers } from './connected-peers.ts';
import {
  type Clock,
  type Closed,
  type Connection,
  type ConnectionHandlers,
  type ConnectionPhase,
  DEFAULT_TIMINGS,
  type HandlersFor,
  notUp,
  type OnLeftOut,
  type Remote,
  type Timings,
} from './connection.ts';
import { Deadline } from './deadline.ts';
import { DEFAULT_MAX_FRAME } from './frames.ts';
import { NativeSession } from './native-session.ts';
import { wireOf } from './native-wire-connection.ts';
import { type Secured, secure } from './securing-connection.ts';
import type { SecurityMemory } from './security-memory.ts';
import { systemClock } from './system-clock.ts';
import { explainTlsFailure, type TlsSettings } from './tls.ts';
import type { ZeekEvent } from './zeek-event.ts';

/** What connections of one endpoint have in common, whoever opened them. */
export interface NativeOptions {
  /** Our endpoint id: a random UUID of version 4 in lower case, the same for all connections of one endpoint. */
  readonly endpointId: string;
  /** Topic prefixes that we want. */
  readonly filter: readonly string[];
  /**
   * `plain` TCP, `tls`, or `auto`, the default. Auto, connecting: a Broker that speaks plain TCP says so at once
   * (its probe), one that speaks TLS waits; so we listen for a moment, then begin with TLS. With certificates
   * set up, auto is TLS. Auto, accepting: the first byte tells.
   */
  readonly security?: NativeSecurity;
  readonly tls?: TlsSettings;
  /** Shared by all connections of one endpoint; without it each knows of itself alone. */
  readonly peers?: ConnectedPeers;
  readonly timings?: Partial<Timings>;
  /** Bound on frames in bytes, 64 MiB by default. */
  readonly maxFrame?: number;
  readonly clock?: Clock;
  /** Milliseconds since the epoch, to which the dates of certificates are compared; the system's by default. */
  readonly wallClock?: () => number;
}

export interface NativeConnectionOptions extends NativeOptions {
  readonly side: 'connecting' | 'accepting';
  /** How the other side is named in messages; also the key of the memory. */
  readonly peerName: string;
  readonly memory?: SecurityMemory;
}

/** A native connection from its first byte on: how to secure it is found out and done, then a session begins. */
export class NativeConnection implements Connection {
  readonly clock: Clock;
  readonly timings: Timings;
  readonly #options: NativeConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #deadline: Deadline;
  readonly #finished = Promise.withResolvers<void>();
  #filter: readonly string[];
  #socket: Socket | undefined;
  #session: NativeSession | undefined;
  #closed: Closed | undefined;
  #handshakeEnds = 0;

  constructor(options: NativeConnectionOptions, handlers: HandlersFor) {
    this.#options = options;
    this.#filter = options.filter;
    this.clock = options.clock ?? systemClock;
    this.timings = { ...DEFAULT_TIMINGS, ...options.timings };
    this.#deadline = new Deadline(this.clock);
    const owner = typeof handlers === 'function' ? handlers(this) : handlers;
    this.#handlers = {
      ...bound(owner),
      onUp: (remote) => this.#up(remote, owner),
      onClosed: (closed) => this.#ended(closed, owner),
    };
  }

  get closed(): Closed | undefined {
    return this.#closed;
  }

  send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void> {
    return this.#session?.send(topic, events, onLeftOut) ?? this.#notUp();
  }

  confirm(): Promise<void> {
    return this.#session?.confirm() ?? this.#notUp();
  }

  subscribe(filter: readonly string[]): void {
    this.#filter = filter;
    this.#session?.subscribe(filter);
  }

  async leave(): Promise<void> {
    if (this.#session) await this.#session.leave();
    else this.destroy();
    await this.#finished.promise;
  }

  destroy(): void {
    if (this.#session) this.#session.destroy();
    else this.fail('left', `gave up the connection to ${this.#options.peerName}`);
  }

  /** Tells where the connection stands on its way to a session. */
  phase(phase: ConnectionPhase): void {
    if (!this.#closed) this.#handlers.onPhase(phase);
  }

  /** Takes charge of a socket that is not open yet. */
  owns(socket: Socket): void {
    this.#socket = socket;
  }

  /** Ends the connection before it has a session. */
  fail(code: Closed['code'], message: string, refused = false): void {
    if (this.#closed || this.#session) return;
    this.#socket?.destroy();
    this.#handlers.onClosed({ code, message, refused });
  }

  /** The socket is open, `took` milliseconds after it was asked for. */
  opened(socket: Socket, took: number): void {
    this.#socket = socket;
    if (this.#closed) {
      socket.destroy();
      return;
    }
    const limit = this.timings.handshake;
    this.#handshakeEnds = this.clock.now() + limit;
    this.#deadline.set(limit, () =>
      this.fail('handshake-timeout', `${this.#options.peerName} did not finish TLS within ${limit} ms`),
    );
    // Where even the timers of a session are not reached, the kernel's probes end a dead connection.
    socket.setKeepAlive(true, 60_000);
    socket.on('error', (error) => this.#socketFailed(error));
    void this.#secure(socket, took);
  }

  async #secure(socket: Socket, took: number): Promise<void> {
    const { side, peerName, security = 'auto', tls = {}, memory, wallClock = Date.now } = this.#options;
    const secured = await secure(socket, took, {
      side,
      peerName,
      security,
      tls,
      memory,
      clock: this.clock,
      wallClock,
      onSecuring: () => this.phase('securing'),
      isClosed: () => this.#closed !== undefined,
    });
    if (!secured || this.#closed) return;
    if ('code' in secured) this.fail(secured.code, secured.message, secured.refused);
    else this.#begin(secured, socket);
  }

  #begin({ socket, transport, authenticated, notices }: Secured, raw: Socket): void {
    this.#deadline.clear();
    if (socket !== raw) socket.on('error', (error) => this.#socketFailed(error));
    const { endpointId, peers = new ConnectedPeers(), maxFrame = DEFAULT_MAX_FRAME, side } = this.#options;
    const { clock, timings } = this;
    const session = new NativeSession(
      wireOf(socket, clock),
      {
        side,
        endpointId,
        filter: this.#filter,
        peers,
        transport,
        authenticated,
        maxFrame,
        timings,
        clock,
        peerName: this.#options.peerName,
      },
      this.#handlers,
    );
    this.#session = session;
    socket.on('drain', () => session.drained());
    socket.on('end', () => session.ended());
    socket.on('close', () => session.ended());
    session.start(Math.max(1, Math.round(this.#handshakeEnds - clock.now())));
    // Listening to data reads what is there at once: only now is the session ready for it.
    socket.on('data', (chunk: Buffer) => session.receive(chunk));
    socket.resume();
    for (const notice of notices) {
      if (!this.#closed) this.#handlers.onProblem(notice);
    }
  }

  #up(remote: Remote, owner: ConnectionHandlers): void {
    const { memory, peerName } = this.#options;
    memory?.remember(peerName, remote.transport === 'tcp' ? 'plain' : 'tls');
    owner.onUp(remote);
  }

  #ended(closed: Closed, owner: ConnectionHandlers): void {
    this.#closed = closed;
    this.#deadline.clear();
    const { memory, peerName } = this.#options;
    if (closed.code === 'tls-mismatch' || closed.code === 'reset') memory?.forget(peerName);
    owner.onClosed(closed);
    this.#finished.resolve();
  }

  /** After the session began: it ends it. */
  #socketFailed(error: Error): void {
    const { peerName } = this.#options;
    const failure = explainTlsFailure(error);
    if (failure) this.#session?.close(failure.code, `${peerName} ${failure.problem}`, failure.refused);
    else this.#session?.ended(error.message);
  }

  #notUp(): Promise<never> {
    return notUp(this.#closed, this.#options.peerName);
  }
}

function bound(handlers: ConnectionHandlers): ConnectionHandlers {
  return {
    onPhase: (phase) => handlers.onPhase(phase),
    onUp: (remote) => handlers.onUp(remote),
    onEvent: (topic, event) => handlers.onEvent(topic, event),
    onFilter: (topics) => handlers.onFilter(topics),
    onSuspect: (suspect) => handlers.onSuspect(suspect),
    onProblem: (problem) => handlers.onProblem(problem),
    onClosed: (closed) => handlers.onClosed(closed),
  };
}
