import { createServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { formatHostAndPort, type NativeSecurity } from '../broker/address.ts';
import type { Clock, Closed } from '../broker/connection.ts';
import { bind } from '../broker/listening-server.ts';
import { wireOf } from '../broker/native-wire-connection.ts';
import type { RelaySession } from '../broker/relay-session.ts';
import { secure } from '../broker/securing-connection.ts';
import { type TlsSettings, tlsMode } from '../broker/tls.ts';
import { TlsAcceptor } from '../broker/tls-acceptor-server.ts';
import { Admission } from './admission.ts';
import type { Arrival } from './relay.ts';
import type { IdentitySettings } from './settings.ts';

export interface HostServerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly security: NativeSecurity;
  readonly tls: TlsSettings;
  readonly identity: IdentitySettings;
  /** Hosts that are let in a second. */
  readonly hostsPerSecond: number;
  readonly maxConnections: number;
  readonly clock: Clock;
  /** Whether there is a Zeek to talk to. */
  hasZeek(): boolean;
  accept(arrival: Arrival): RelaySession;
  onConnection(): void;
  /** A host was not let in for now: too many wait. */
  onTurnedAway(): void;
  onFailed(from: string, closed: Closed): void;
}

export interface HostServer {
  readonly port: number;
  /** Stops listening; connections that wait are closed, others are their sessions' business. */
  close(): Promise<void>;
}

/** A host gives up an attempt after 10 s (its handshake's time): who has no turn by then need not wait. */
const PATIENCE = 8_000;
/** How long a host may take for TLS. */
const SECURING = 10_000;
/** TLS handshakes under way at once; more of them would only take longer. */
const AT_ONCE = 64;

/**
 * Listens for hosts as a Broker does, and lets them in at a pace.
 * @throws the system's error if the address can't be bound, TlsSettingsError
 */
export async function listenForHosts(options: HostServerOptions): Promise<HostServer> {
  const { clock, host, port, hostsPerSecond, maxConnections } = options;
  const tls = options.security === 'plain' ? undefined : await TlsAcceptor.open(options.tls);
  const securing = new Set<Socket>();
  const admission = new Admission<Socket>(
    { clock, perSecond: hostsPerSecond, atOnce: AT_ONCE, patience: PATIENCE },
    (socket) => (socket.destroyed ? Promise.resolve() : letIn(socket, { ...options, tls, securing })),
    (socket) => {
      if (!socket.destroyed) options.onTurnedAway();
      socket.destroy();
    },
  );
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    options.onConnection();
    socket.on('error', () => socket.destroy());
    admission.add(socket);
  });
  server.maxConnections = maxConnections;
  const bound = await bind(server, host, port, BACKLOG);
  return {
    port: bound,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      admission.end();
      for (const socket of securing) socket.destroy();
      return closed;
    },
  };
}

/** Connections that the kernel keeps until they are taken. */
const BACKLOG = 4096;

async function letIn(
  raw: Socket,
  options: Omit<HostServerOptions, 'tls'> & {
    readonly tls: TlsAcceptor | undefined;
    readonly securing: Set<Socket>;
  },
): Promise<void> {
  const { clock, identity, security, securing, onFailed, tls: acceptor } = options;
  const from = formatHostAndPort(raw.remoteAddress ?? 'unknown', raw.remotePort ?? 0);
  const timer = clock.setTimeout(() => raw.destroy(), SECURING);
  securing.add(raw);
  // Its first byte tells whether it speaks TLS; a socket that was paused when it came gives none.
  if (security === 'auto') raw.resume();
  const secured = await secure(raw, 0, {
    ...{ side: 'accepting', peerName: from, security, tls: acceptor?.settings ?? {}, memory: undefined },
    ...{ clock, wallClock: Date.now, onSecuring: () => {}, isClosed: () => raw.destroyed },
    ...(acceptor && { acceptor }),
  });
  clock.clearTimeout(timer);
  securing.delete(raw);
  if (!secured) return;
  if ('code' in secured) {
    raw.destroy();
    onFailed(from, secured);
    return;
  }
  const { socket } = secured;
  if (!options.hasZeek()) {
    socket.destroy();
    return;
  }
  const mutual = acceptor !== undefined && tlsMode(acceptor.settings) === 'mutual';
  const proved = mutual && identity.from !== 'claimed' ? namesOf(socket as TLSSocket, identity) : undefined;
  if (proved === '') {
    socket.destroy();
    const what = identity.from === 'cn' ? 'common name' : 'DNS name';
    onFailed(from, { code: 'refused', message: `its certificate has no ${what} that fits`, refused: true });
    return;
  }
  const session = options.accept({ wire: wireOf(socket, clock), from, provedId: proved });
  socket.setKeepAlive(true, 60_000);
  socket.on('error', (error) => session.ended(error.message));
  socket.on('drain', () => session.drained());
  socket.on('end', () => session.ended());
  socket.on('close', () => session.ended());
  socket.on('data', (chunk: Buffer) => session.receive(chunk));
  socket.resume();
}

/** The id that a certificate proves; empty where it proves none. */
function namesOf(socket: TLSSocket, { from, pattern }: IdentitySettings): string {
  const { subject, subjectaltname = '' } = socket.getPeerCertificate() ?? {};
  const common = Array.isArray(subject?.CN) ? subject.CN[0] : subject?.CN;
  const names =
    from === 'cn'
      ? [common ?? '']
      : subjectaltname
          .split(', ')
          .filter((name) => name.startsWith('DNS:'))
          .map((name) => name.slice(4));
  for (const name of names) {
    if (!pattern) return name;
    const found = pattern.exec(name);
    if (found) return found[1] ?? found[0];
  }
  return '';
}
