import type { Socket } from 'node:net';
import type { NativeSecurity } from './address.ts';
import { ConnectedPeers } from './connected-peers.ts';
import type { Clock, HandlersFor, Timings } from './connection.ts';
import { ConnectionLifecycle } from './connection-lifecycle.ts';
import { DEFAULT_MAX_FRAME } from './frames.ts';
import { NativeSession } from './native-session.ts';
import { wireOf } from './native-wire-connection.ts';
import { type Secured, secure } from './securing-connection.ts';
import type { SecurityMemory } from './security-memory.ts';
import { explainTlsFailure, type TlsSettings } from './tls.ts';

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
export class NativeConnection {
  /** The connection, as its owner sees it. */
  readonly lifecycle: ConnectionLifecycle;
  readonly #options: NativeConnectionOptions;
  #session: NativeSession | undefined;
  #handshakeEnds = 0;

  constructor(options: NativeConnectionOptions, handlers: HandlersFor) {
    const { memory, peerName } = options;
    this.#options = options;
    this.lifecycle = new ConnectionLifecycle(
      {
        ...options,
        onUp: ({ transport }) => memory?.remember(peerName, transport === 'tcp' ? 'plain' : 'tls'),
        onClosed({ code }) {
          if (code === 'tls-mismatch' || code === 'reset') memory?.forget(peerName);
        },
      },
      handlers,
    );
  }

  /** Takes charge of a socket that may not be open yet. */
  owns(socket: Socket): void {
    this.lifecycle.setCarrier({ end: () => socket.destroy() });
  }

  /** The socket is open, `took` milliseconds after it was asked for. */
  opened(socket: Socket, took: number): void {
    this.owns(socket);
    const { lifecycle } = this;
    if (lifecycle.isClosed) return;
    const limit = lifecycle.timings.handshake;
    this.#handshakeEnds = lifecycle.clock.now() + limit;
    lifecycle.setDeadline(limit, () =>
      lifecycle.close(
        'handshake-timeout',
        `${lifecycle.peerName} did not complete the TLS handshake within ${limit} ms`,
      ),
    );
    // Where even the timers of a session are not reached, the kernel's probes end a dead connection.
    socket.setKeepAlive(true, 60_000);
    socket.on('error', (error) => this.#socketFailed(error));
    void this.#secure(socket, took);
  }

  async #secure(socket: Socket, took: number): Promise<void> {
    const { lifecycle } = this;
    const { side, peerName, security = 'auto', tls = {}, memory, wallClock = Date.now } = this.#options;
    const secured = await secure(socket, took, {
      side,
      peerName,
      security,
      tls,
      memory,
      clock: lifecycle.clock,
      wallClock,
      onSecuring: () => lifecycle.enterPhase('securing'),
      isClosed: () => lifecycle.isClosed,
    });
    if (!secured || lifecycle.isClosed) return;
    if ('code' in secured) lifecycle.close(secured.code, secured.message, secured.refused);
    else this.#begin(secured, socket);
  }

  #begin({ socket, transport, authenticated, notices }: Secured, raw: Socket): void {
    if (socket !== raw) socket.on('error', (error) => this.#socketFailed(error));
    const { endpointId, peers = new ConnectedPeers(), maxFrame = DEFAULT_MAX_FRAME, side } = this.#options;
    const { lifecycle } = this;
    const session = new NativeSession(
      wireOf(socket, lifecycle.clock),
      { side, endpointId, peers, transport, authenticated, maxFrame },
      lifecycle,
    );
    this.#session = session;
    socket.on('drain', () => session.drained());
    socket.on('end', () => session.ended());
    socket.on('close', () => session.ended());
    session.start(Math.max(1, Math.round(this.#handshakeEnds - lifecycle.clock.now())));
    // Listening to data reads what is there at once: only now is the session ready for it.
    socket.on('data', (chunk: Buffer) => session.receive(chunk));
    socket.resume();
    for (const notice of notices) lifecycle.notice(notice);
  }

  /** After the session began: it ends it. */
  #socketFailed(error: Error): void {
    if (!this.#session) return;
    const failure = explainTlsFailure(error);
    if (failure)
      this.lifecycle.close(failure.code, `${this.lifecycle.peerName} ${failure.problem}`, failure.refused);
    else this.#session.ended(error.message);
  }
}
