import type { IncomingMessage } from 'node:http';
import { isIP, connect as netConnect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { WebSocket } from 'ws';
import { reasonOf } from '../text/reason.ts';
import { formatHostAndPort, WEBSOCKET_PATH } from './address.ts';
import {
  type Clock,
  type Closed,
  type Connection,
  type ConnectionHandlers,
  type ConnectionPhase,
  DEFAULT_TIMINGS,
  notUp,
  type OnLeftOut,
  type Timings,
} from './connection.ts';
import { Deadline } from './deadline.ts';
import { DEFAULT_MAX_FRAME } from './frames.ts';
import { systemClock } from './system-clock.ts';
import { materialOptions, type TlsMaterial, type TlsSettings } from './tls.ts';
import { certificateNotices, readTlsMaterial } from './tls-connection.ts';
import { breakingFailure, openingFailure } from './websocket-closing.ts';
import { applicationName } from './websocket-messages.ts';
import { WebSocketSession } from './websocket-session.ts';
import { feed, webSocketWire } from './websocket-wire-connection.ts';
import type { ZeekEvent } from './zeek-event.ts';

export interface WebSocketConnectOptions {
  readonly host: string;
  readonly port: number;
  /** `wss://`: the server's certificate and name are verified, by `tls.ca` or else the system's authorities. */
  readonly secure: boolean;
  /** Zeek serves `/v1/messages/json`; a proxy before it may serve another. */
  readonly path?: string;
  /** Sent as X-Application-Name, made fit for Zeek. */
  readonly applicationName: string;
  readonly filter: readonly string[];
  readonly tls?: TlsSettings;
  readonly timings?: Partial<Timings>;
  /** Bound on messages that come in, in bytes; 64 MiB by default. */
  readonly maxFrame?: number;
  readonly clock?: Clock;
  /** Milliseconds since the epoch, to which the dates of certificates are compared. */
  readonly wallClock?: () => number;
}

/**
 * Connects to Zeek's WebSocket API. Never throws: whatever fails comes as `onClosed`. When the filter changes the
 * connection closes as `filter-changed`, to be made anew at once.
 */
export function connectWebSocket(options: WebSocketConnectOptions, handlers: ConnectionHandlers): Connection {
  const connection = new WebSocketConnection(options, handlers);
  // Not before the caller has the connection that it is told about.
  queueMicrotask(() => connection.start());
  return connection;
}

class WebSocketConnection implements Connection {
  readonly #options: WebSocketConnectOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #clock: Clock;
  readonly #timings: Timings;
  readonly #deadline: Deadline;
  readonly #peerName: string;
  #filter: readonly string[];
  #socket: WebSocket | undefined;
  #secure: TLSSocket | undefined;
  #session: WebSocketSession | undefined;
  #handshakeEnds = 0;
  #closed: Closed | undefined;

  constructor(options: WebSocketConnectOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#filter = options.filter;
    this.#clock = options.clock ?? systemClock;
    this.#timings = { ...DEFAULT_TIMINGS, ...options.timings };
    this.#deadline = new Deadline(this.#clock);
    const scheme = options.secure ? 'wss' : 'ws';
    this.#peerName = `${scheme}://${formatHostAndPort(options.host, options.port)}`;
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
  }

  destroy(): void {
    if (this.#session) this.#session.destroy();
    else this.#fail('left', `gave up the connection to ${this.#peerName}`);
  }

  start(): void {
    const { secure, tls = {} } = this.#options;
    if (this.#closed) return;
    if (tls.requireAuthentication && !secure) {
      const advice = 'use wss://, or allow it with require_authentication: false';
      this.#fail('unauthenticated', `${this.#peerName} would be unauthenticated: ${advice}`, true);
      return;
    }
    this.#expect('connect', 'did not answer');
    const material = secure ? readTlsMaterial(tls) : Promise.resolve(undefined);
    material.then(
      (read) => this.#dial(read),
      (error) => this.#fail('tls-settings', error.message, true),
    );
  }

  #dial(material: TlsMaterial | undefined): void {
    if (this.#closed) return;
    const { host, port, path = WEBSOCKET_PATH, maxFrame = DEFAULT_MAX_FRAME } = this.#options;
    const authority = formatHostAndPort(host.replace(/%.*/, ''), port);
    this.#phase(isIP(host) ? 'connecting' : 'resolving');
    if (this.#closed) return;
    const socket = new WebSocket(`${material ? 'wss' : 'ws'}://${authority}${path}`, {
      headers: { 'X-Application-Name': applicationName(this.#options.applicationName) },
      maxPayload: maxFrame,
      perMessageDeflate: false,
      followRedirects: false,
      // Zeek sends strings of any bytes in its text frames; they are read as such.
      skipUTF8Validation: true,
      createConnection: () => this.#open(material),
    });
    this.#socket = socket;
    socket.on('error', (error) => this.#socketFailed(error));
    socket.on('unexpected-response', (_, response) => this.#refusedByHttp(response));
    socket.on('close', (code, reason) => {
      this.#session?.ended(code, reason.toString('utf8'));
      this.#fail('reset', `${this.#peerName} closed the connection before it was a WebSocket`);
    });
    socket.on('open', () => this.#opened(socket, material));
  }

  #open(material: TlsMaterial | undefined): Duplex {
    const { host, port } = this.#options;
    const connected = () => {
      this.#expect('handshake', 'did not become a WebSocket');
      this.#phase(material ? 'securing' : 'handshaking');
    };
    const raw: Socket = netConnect({ host, port, noDelay: true });
    raw.setKeepAlive(true, 60_000);
    raw.once('lookup', () => this.#phase('connecting'));
    raw.once('connect', connected);
    if (!material) return raw;
    try {
      const secure = tlsConnect({
        socket: raw,
        minVersion: 'TLSv1.2',
        ...(isIP(host) ? { host } : { servername: host, host }),
        ...materialOptions(material),
      });
      this.#secure = secure;
      raw.on('error', (error) => secure.destroy(error));
      return secure;
    } catch (error) {
      raw.destroy();
      queueMicrotask(() =>
        this.#fail('tls-settings', `our TLS files are unusable: ${reasonOf(error)}`, true),
      );
      return raw;
    }
  }

  #opened(socket: WebSocket, material: TlsMaterial | undefined): void {
    if (this.#closed) {
      socket.terminate();
      return;
    }
    this.#deadline.clear();
    const session = new WebSocketSession(
      webSocketWire(socket, () => session.drained()),
      {
        role: { side: 'client' },
        filter: this.#filter,
        transport: material ? 'wss' : 'ws',
        authenticated: material !== undefined,
        timings: this.#timings,
        clock: this.#clock,
        peerName: this.#peerName,
      },
      this.#handlers,
    );
    this.#session = session;
    feed(socket, session);
    session.start(Math.max(1, this.#handshakeEnds - this.#clock.now()));
    const now = (this.#options.wallClock ?? Date.now)();
    const secure = this.#secure;
    if (!material || !secure) return;
    for (const notice of certificateNotices(material, secure, this.#peerName, now)) {
      this.#handlers.onProblem(notice);
    }
  }

  #phase(phase: ConnectionPhase): void {
    if (!this.#closed && !this.#session) this.#handlers.onPhase(phase);
  }

  #expect(step: 'connect' | 'handshake', missing: string): void {
    const limit = this.#timings[step];
    this.#handshakeEnds = this.#clock.now() + limit;
    this.#deadline.set(limit, () =>
      this.#fail(`${step}-timeout`, `${this.#peerName} ${missing} within ${limit} ms`),
    );
  }

  #refusedByHttp(response: IncomingMessage): void {
    const answer = `HTTP ${response.statusCode} ${response.statusMessage}`;
    response.destroy();
    this.#fail('refused', `${this.#peerName} answered ${answer}: is it Zeek's WebSocket?`, true);
  }

  #socketFailed(error: NodeJS.ErrnoException): void {
    const { code, message, refused } = this.#session
      ? breakingFailure(error, this.#peerName)
      : openingFailure(error, this.#options.host, this.#peerName);
    if (this.#session) this.#session.close(code, message, refused);
    else this.#fail(code, message, refused);
  }

  /** Ends the connection before it has a session. */
  #fail(code: Closed['code'], message: string, refused = false): void {
    if (this.#closed || this.#session) return;
    this.#closed = { code, message, refused };
    this.#deadline.clear();
    this.#socket?.terminate();
    this.#handlers.onClosed(this.#closed);
  }

  #notUp(): Promise<never> {
    return notUp(this.#closed, this.#peerName);
  }
}
