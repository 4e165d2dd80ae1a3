import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { NativeSecurity } from './address.ts';
import type { Clock, Closed, Transport } from './connection.ts';
import { firstByte } from './first-byte-connection.ts';
import type { SecurityMemory } from './security-memory.ts';
import { explainTlsFailure, type TlsMode, type TlsSettings, tlsMode, tlsSettingsProblem } from './tls.ts';
import type { TlsAcceptor } from './tls-acceptor-server.ts';
import { certificateNotices, readTlsMaterial, secureSocket, TlsSettingsError } from './tls-connection.ts';

/** How long to listen for a plain Broker's probe: a few round trips, as the connect took one, between these. */
const PROBE_WAIT = { least: 300, most: 2_000, roundTrips: 4 };

/** A TLS record of type handshake (RFC 8446, section 5.1). */
const TLS_HANDSHAKE = 0x16;

export interface SecuringOptions {
  readonly side: 'connecting' | 'accepting';
  /** How the other side is named in messages; also the key of the memory. */
  readonly peerName: string;
  readonly security: NativeSecurity;
  readonly tls: TlsSettings;
  readonly memory: SecurityMemory | undefined;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  /** A wait has begun: for a peer that may speak first, or for TLS. */
  onSecuring(): void;
  /** Whether the connection has closed meanwhile. */
  isClosed(): boolean;
  /** Of the accepting side: what all its connections share, in place of files read for each. */
  readonly acceptor?: TlsAcceptor;
}

/** A socket on which a session may begin. */
export interface Secured {
  readonly socket: Socket | TLSSocket;
  readonly transport: Transport;
  /** Whether the peer proved who it is. */
  readonly authenticated: boolean;
  /** Words on certificates that end soon. */
  readonly notices: readonly string[];
}

/**
 * Finds out how an open socket is to be secured, and does it. Never rejects: what is wrong comes as the reason for
 * which the connection closes. Undefined if it has closed meanwhile.
 * @param took milliseconds from the attempt to the open socket
 */
export async function secure(
  socket: Socket,
  took: number,
  options: SecuringOptions,
): Promise<Secured | Closed | undefined> {
  try {
    return await attempt(socket, took, options);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return failureOf(error, options.peerName);
  }
}

async function attempt(
  socket: Socket,
  took: number,
  options: SecuringOptions,
): Promise<Secured | Closed | undefined> {
  const { tls, side, peerName, isClosed } = options;
  const mode = tlsMode(tls);
  const kind = await kindOf(socket, took, mode, options);
  if (isClosed()) return undefined;
  if (kind === 'closed') {
    const message = `${peerName} closed the connection before sending anything: it may not be a Zeek`;
    return { code: 'reset', message, refused: false };
  }
  if (tls.requireAuthentication && (kind === 'plain' || mode === 'anonymous')) {
    const what = kind === 'plain' ? 'plain TCP' : 'anonymous TLS';
    const advice = 'configure certificates, or allow it with require_authentication: false';
    const message = `${peerName} would be unauthenticated over ${what}: ${advice}`;
    return { code: 'unauthenticated', message, refused: true };
  }
  if (kind === 'plain') return { socket, transport: 'tcp', authenticated: false, notices: [] };
  const problem = tlsSettingsProblem(tls);
  if (problem) throw new TlsSettingsError(problem);
  options.onSecuring();
  const { acceptor } = options;
  const material = acceptor ? acceptor.material : await readTlsMaterial(tls);
  if (isClosed()) return undefined;
  const now = options.wallClock();
  const secured = await (acceptor
    ? acceptor.secure(socket)
    : secureSocket(socket, side, mode, material, options.memory));
  if (isClosed()) {
    secured.destroy();
    return undefined;
  }
  return {
    socket: secured,
    transport: mode === 'mutual' ? 'tls' : 'tls-anonymous',
    authenticated: mode === 'mutual',
    notices: certificateNotices(material, secured, peerName, now),
  };
}

async function kindOf(
  socket: Socket,
  took: number,
  mode: TlsMode,
  { security, memory, peerName, side, clock, onSecuring }: SecuringOptions,
): Promise<'plain' | 'tls' | 'closed'> {
  if (security !== 'auto') return security;
  if (mode === 'mutual') return 'tls';
  const known = memory?.recall(peerName);
  if (known) return known;
  const { least, most, roundTrips } = PROBE_WAIT;
  const wait = side === 'connecting' ? Math.min(most, Math.max(least, took * roundTrips)) : undefined;
  onSecuring();
  const first = await firstByte(socket, clock, wait);
  if (first === 'closed') return 'closed';
  // A connecting side that heard nothing begins TLS itself.
  return first === undefined || first === TLS_HANDSHAKE ? 'tls' : 'plain';
}

function failureOf(error: Error, peerName: string): Closed {
  if (error instanceof TlsSettingsError)
    return { code: 'tls-settings', message: error.message, refused: true };
  const failure = explainTlsFailure(error);
  return failure
    ? { code: failure.code, message: `${peerName} ${failure.problem}`, refused: failure.refused }
    : { code: 'reset', message: `${peerName}: ${error.message}`, refused: false };
}
