import type { IncomingMessage } from 'node:http';
import { isIP, connect as netConnect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { WebSocket } from 'ws';
import { reasonOf } from '../text/reason.ts';
import { formatHostAndPort, WEBSOCKET_PATH } from './address.ts';
import type { Clock, Closed, Connection, ConnectionHandlers, Timings } from './connection.ts';
import { ConnectionLifecycle } from './connection-lifecycle.ts';
import { DEFAULT_MAX_FRAME } from './frames.ts';
import type { SecurityMemory } from './security-memory.ts';
import {
  materialOptions,
  mayBeAnonymous,
  nativeTlsOptions,
  type TlsMaterial,
  type TlsSettings,
} from './tls.ts';
import { certificateNotices, readTlsMaterial } from './tls-connection.ts';
import { breakingFailure, openingFailure } from './websocket-closing.ts';
import { applicationName } from './websocket-messages.ts';
import { WebSocketSession } from './websocket-session.ts';
import { feed, webSocketWire } from './websocket-wire-connection.ts';

export interface WebSocketConnectOptions {
  readonly host: string;
  readonly port: number;
  /**
   * `wss://`: the server's certificate and name are verified, by `tls.ca` or else the system's authorities. A server that
   * has none is reached all the same where the settings ask for none, and has not shown one before.
   */
  readonly secure: boolean;
  /** Zeek serves `/v1/messages/json`; a proxy before it may serve another. */
  readonly path?: string;
  /** Sent as X-Application-Name, made fit for Zeek. */
  readonly applicationName: string;
  readonly filter: readonly string[];
  readonly tls?: TlsSettings;
  /** Shared by all attempts: who has shown a certificate once is not reached without. */
  readonly memory?: SecurityMemory;
  readonly timings?: Partial<Timings>;
  /** Bound on messages that come in, in bytes; 64 MiB by default. */
  readonly maxFrame?: number;
  readonly clock?: Clock;
  /** Milliseconds since the epoch, to which the dates of certificates are compared. */
  readonly wallClock?: () => number;
}

/**
 * Connects to Zeek's WebSocket API. Never throws: whatever fails comes as `onClosed`. When the filter changes the
 * connection closes as `filter-changed`, to be reopened at once.
 */
export function connectWebSocket(options: WebSocketConnectOptions, handlers: ConnectionHandlers): Connection {
  const opening = new WebSocketOpening(options, handlers);
  // Not before the caller has the connection that the event is about.
  queueMicrotask(() => opening.start());
  return opening.lifecycle;
}

/** How an attempt to connect is secured; `socket` while it is. */
type Attempt =
  | { readonly security: 'none' }
  | { readonly security: 'certificates'; readonly material: TlsMaterial; socket?: TLSSocket }
  | {
      readonly security: 'anonymous';
      readonly material: TlsMaterial;
      /** Why certificates did not lead anywhere. */
      readonly mismatch: Closed;
      socket?: TLSSocket;
    };

const TRANSPORTS = { none: 'ws', certificates: 'wss', anonymous: 'wss-anonymous' } as const;

/** A WebSocket connection from its first byte on, until its session begins. */
class WebSocketOpening {
  /** The connection, as its owner sees it. */
  readonly lifecycle: ConnectionLifecycle;
  readonly #options: WebSocketConnectOptions;
  #attempt: Attempt = { security: 'none' };
  #session: WebSocketSession | undefined;
  #handshakeEnds = 0;

  constructor(options: WebSocketConnectOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    const scheme = options.secure ? 'wss' : 'ws';
    const peerName = `${scheme}://${formatHostAndPort(options.host, options.port)}`;
    this.lifecycle = new ConnectionLifecycle({ ...options, peerName }, handlers);
  }

  start(): void {
    const { secure, tls = {} } = this.#options;
    if (this.lifecycle.isClosed) return;
    if (tls.requireAuthentication && !secure) {
      const advice = 'use wss://, or allow it with require_authentication: false';
      this.lifecycle.close(
        'unauthenticated',
        `${this.lifecycle.peerName} would be unauthenticated: ${advice}`,
        true,
      );
      return;
    }
    this.#expect('connect', 'did not answer');
    const material = secure ? readTlsMaterial(tls) : Promise.resolve(undefined);
    material.then(
      (read) => this.#dial(read ? { security: 'certificates', material: read } : { security: 'none' }),
      (error) => this.lifecycle.close('tls-settings', error.message, true),
    );
  }

  #dial(attempt: Attempt): void {
    if (this.lifecycle.isClosed) return;
    this.#attempt = attempt;
    const { host, port, path = WEBSOCKET_PATH, maxFrame = DEFAULT_MAX_FRAME } = this.#options;
    const authority = formatHostAndPort(host.replace(/%.*/, ''), port);
    this.lifecycle.enterPhase(isIP(host) ? 'connecting' : 'resolving');
    if (this.lifecycle.isClosed) return;
    const socket = new WebSocket(`${attempt.security === 'none' ? 'ws' : 'wss'}://${authority}${path}`, {
      headers: { 'X-Application-Name': applicationName(this.#options.applicationName) },
      maxPayload: maxFrame,
      perMessageDeflate: false,
      followRedirects: false,
      // Zeek sends strings of any bytes in its text frames; they are read as such.
      skipUTF8Validation: true,
      createConnection: () => this.#open(attempt),
    });
    this.lifecycle.setCarrier({ end: () => socket.terminate() });
    socket.on('error', (error) => {
      if (this.#attempt === attempt && !this.#triesAnonymously(error)) this.#socketFailed(error);
    });
    socket.on('unexpected-response', (_, response) => this.#refusedByHttp(response));
    socket.on('close', (code, reason) => {
      if (this.#attempt !== attempt) return;
      if (this.#session) this.#session.ended(code, reason.toString('utf8'));
      else
        this.lifecycle.close(
          'reset',
          `${this.lifecycle.peerName} closed the connection before the WebSocket handshake`,
        );
    });
    socket.on('open', () => this.#opened(socket, attempt));
  }

  #open(attempt: Attempt): Duplex {
    const { host, port } = this.#options;
    const connected = () => {
      this.#expect('handshake', 'did not complete the WebSocket handshake');
      this.lifecycle.enterPhase(attempt.security === 'none' ? 'handshaking' : 'securing');
    };
    const raw: Socket = netConnect({ host, port, noDelay: true });
    raw.setKeepAlive(true, 60_000);
    raw.once('lookup', () => this.lifecycle.enterPhase('connecting'));
    raw.once('connect', connected);
    if (attempt.security === 'none') return raw;
    const { security, material } = attempt;
    try {
      const secure = tlsConnect({
        socket: raw,
        ...(isIP(host) ? { host } : { servername: host, host }),
        ...(security === 'anonymous'
          ? nativeTlsOptions('anonymous', material)
          : { minVersion: 'TLSv1.2', ...materialOptions(material) }),
      });
      // Read once the WebSocket is open.
      attempt.socket = secure;
      raw.on('error', (error) => secure.destroy(error));
      return secure;
    } catch (error) {
      raw.destroy();
      queueMicrotask(() =>
        this.lifecycle.close(
          'tls-settings',
          `the configured TLS files are unusable: ${reasonOf(error)}`,
          true,
        ),
      );
      return raw;
    }
  }

  #opened(socket: WebSocket, attempt: Attempt): void {
    const { lifecycle } = this;
    if (lifecycle.isClosed) {
      socket.terminate();
      return;
    }
    const session = new WebSocketSession(
      webSocketWire(socket, () => session.drained()),
      {
        role: { side: 'client' },
        transport: TRANSPORTS[attempt.security],
        authenticated: attempt.security === 'certificates',
      },
      lifecycle,
    );
    this.#session = session;
    feed(socket, session);
    session.start(Math.max(1, this.#handshakeEnds - lifecycle.clock.now()));
    this.#tellOfSecurity(attempt);
  }

  #tellOfSecurity(attempt: Attempt): void {
    const { lifecycle } = this;
    const { memory, wallClock = Date.now } = this.#options;
    if (attempt.security === 'anonymous') {
      lifecycle.notice(
        `${lifecycle.peerName} has no certificate: the connection is encrypted, but not authenticated; with ca or require_authentication (in tls) it would be refused`,
      );
    } else if (attempt.security === 'certificates' && attempt.socket) {
      memory?.remember(lifecycle.peerName, 'tls');
      const notices = certificateNotices(attempt.material, attempt.socket, lifecycle.peerName, wallClock());
      for (const notice of notices) lifecycle.notice(notice);
    }
  }

  #expect(step: 'connect' | 'handshake', missing: string): void {
    const { lifecycle } = this;
    const limit = lifecycle.timings[step];
    this.#handshakeEnds = lifecycle.clock.now() + limit;
    lifecycle.setDeadline(limit, () =>
      lifecycle.close(`${step}-timeout`, `${lifecycle.peerName} ${missing} within ${limit} ms`),
    );
  }

  #refusedByHttp(response: IncomingMessage): void {
    const answer = `HTTP ${response.statusCode} ${response.statusMessage}`;
    response.destroy();
    this.lifecycle.close(
      'refused',
      `${this.lifecycle.peerName} answered ${answer}: is it Zeek's WebSocket?`,
      true,
    );
  }

  /** Whether the server may be one without a certificate, and it is being tried so. */
  #triesAnonymously(error: NodeJS.ErrnoException): boolean {
    const { host, tls = {}, memory } = this.#options;
    const attempt = this.#attempt;
    if (attempt.security !== 'certificates' || this.#session || this.lifecycle.isClosed) return false;
    const failure = openingFailure(error, host, this.lifecycle.peerName);
    if (failure.code !== 'tls-mismatch' || !mayBeAnonymous(tls)) return false;
    if (memory?.recall(this.lifecycle.peerName)) {
      const message = `${failure.message}; it has shown a certificate before, without which it is not reached`;
      this.lifecycle.close(failure.code, message, failure.refused);
      return true;
    }
    this.#dial({ security: 'anonymous', material: attempt.material, mismatch: failure });
    return true;
  }

  #socketFailed(error: NodeJS.ErrnoException): void {
    const found = this.#session
      ? breakingFailure(error, this.lifecycle.peerName)
      : openingFailure(error, this.#options.host, this.lifecycle.peerName);
    // Where it can't be had without certificates either, the first answer says more.
    const attempt = this.#attempt;
    const { code, message, refused } =
      found.code === 'tls-mismatch' && attempt.security === 'anonymous' ? attempt.mismatch : found;
    this.lifecycle.close(code, message, refused);
  }
}
