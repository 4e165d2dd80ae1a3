import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type WebSocket, WebSocketServer } from 'ws';
import { formatHostAndPort, WEBSOCKET_PATH } from './address.ts';
import { type Clock, type Connection, DEFAULT_TIMINGS, type Timings } from './connection.ts';
import { ConnectionLifecycle } from './connection-lifecycle.ts';
import { DEFAULT_MAX_FRAME } from './frames.ts';
import { type Accept, bind, type Listener } from './listening-server.ts';
import { systemClock } from './system-clock.ts';
import { materialOptions, nativeTlsOptions, type TlsSettings } from './tls.ts';
import { readTlsMaterial } from './tls-connection.ts';
import { encodeError, isApplicationName } from './websocket-messages.ts';
import { WebSocketSession } from './websocket-session.ts';
import { feed, webSocketWire } from './websocket-wire-connection.ts';
import type { ZeekEvent } from './zeek-event.ts';

/** Zeek's `ping_interval` (types.zeek). */
const PING_INTERVAL = 5_000;

export interface WebSocketListenOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** With certificate and key the server speaks TLS; with `ca` besides it wants certificates of its clients. */
  readonly tls?: TlsSettings;
  /** Whether it speaks TLS; without a certificate anonymously, as a Zeek up to 8.0 does by default. */
  readonly secure?: boolean;
  /** Our endpoint id, a UUID: the first part of what acks call their clients. */
  readonly endpointId: string;
  /** What acks give as Zeek's version. */
  readonly version: string;
  /** Whether an event is declared, with these arguments; Zeek refuses others. Everything is by default. */
  declares?(event: ZeekEvent): boolean;
  readonly timings?: Partial<Timings>;
  readonly maxFrame?: number;
  readonly maxConnections?: number;
  readonly clock?: Clock;
}

/**
 * Listens as Zeek's WebSocket server does, refusing what it refuses. A client's events come whatever their
 * topic; it gets those of its subscriptions.
 * @throws the system's error if the address can't be bound, TlsSettingsError
 */
export async function listenWebSocket(options: WebSocketListenOptions, accept: Accept): Promise<Listener> {
  const { tls, maxFrame = DEFAULT_MAX_FRAME, clock = systemClock } = options;
  const timings = { ...DEFAULT_TIMINGS, ...options.timings };
  const certified = tls?.certificate !== undefined;
  const secure = options.secure ?? certified;
  const material = await readTlsMaterial(tls ?? {});
  const mutual = tls?.ca !== undefined || tls?.caPath !== undefined;
  const http = secure
    ? createHttpsServer(
        certified
          ? {
              ...materialOptions(material),
              requestCert: mutual,
              rejectUnauthorized: mutual,
              minVersion: 'TLSv1.2',
            }
          : nativeTlsOptions('anonymous', material),
      )
    : createHttpServer();
  http.maxConnections = options.maxConnections ?? 1_000;
  const server = new WebSocketServer({
    server: http,
    maxPayload: maxFrame,
    perMessageDeflate: false,
    skipUTF8Validation: false,
  });
  const connections = new Set<Connection>();
  let clients = 0;
  server.on('connection', (socket: WebSocket, request: IncomingMessage) => {
    socket.on('error', () => socket.terminate());
    const refusal = refusalOf(request);
    if (refusal) {
      socket.send(encodeError(refusal.code, refusal.context));
      socket.close(1008, refusal.context);
      return;
    }
    const peer = request.socket;
    const peerName = formatHostAndPort(peer.remoteAddress ?? 'unknown', peer.remotePort ?? 0);
    const clientId = `${options.endpointId}-websocket-${clients}`;
    clients += 1;
    const lifecycle = new ConnectionLifecycle({ peerName, filter: [], timings, clock }, (connection) =>
      accept(connection, peerName),
    );
    const session: WebSocketSession = new WebSocketSession(
      webSocketWire(socket, () => session.drained()),
      {
        role: {
          side: 'server',
          clientId,
          version: options.version,
          declares: options.declares ?? (() => true),
        },
        transport: secure ? (certified ? 'wss' : 'wss-anonymous') : 'ws',
        authenticated: certified && secure && mutual,
      },
      lifecycle,
    );
    connections.add(lifecycle);
    let beat: unknown;
    const ping = () => {
      if (socket.readyState === socket.OPEN) socket.ping();
      beat = clock.setTimeout(ping, PING_INTERVAL);
    };
    beat = clock.setTimeout(ping, PING_INTERVAL);
    socket.on('close', (code, reason) => {
      clock.clearTimeout(beat);
      connections.delete(lifecycle);
      session.ended(code, reason.toString('utf8'));
    });
    feed(socket, session);
    session.start(timings.handshake);
  });
  const port = await bind(http, options.host, options.port);
  return {
    port,
    async close() {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      await Promise.all([...connections].map((connection) => connection.leave()));
      for (const client of server.clients) client.terminate();
      server.close();
      http.closeAllConnections();
      await closed;
    },
  };
}

function refusalOf(
  request: IncomingMessage,
): { readonly code: string; readonly context: string } | undefined {
  if (request.url !== WEBSOCKET_PATH) {
    return { code: 'invalid_uri', context: `Invalid URI - use ${WEBSOCKET_PATH}` };
  }
  const name = request.headers['x-application-name'];
  if (name === undefined || (typeof name === 'string' && isApplicationName(name))) return undefined;
  return { code: 'invalid_application_name', context: 'Invalid X-Application-Name' };
}
