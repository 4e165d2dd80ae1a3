import { X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import {
  createSecureContext,
  createServer as createTlsServer,
  type SecureContext,
  type TLSSocket,
  connect as tlsConnect,
} from 'node:tls';
import { reasonOf } from '../text/reason.ts';
import { SecurityMemory } from './security-memory.ts';
import { expiryNotice, nativeTlsOptions, type TlsMaterial, type TlsMode, type TlsSettings } from './tls.ts';

/** Whoever secures a socket bounds the time itself. */
const LONGEST = 2 ** 31 - 1;

/** Our own TLS files are unusable; the message names the file. */
export class TlsSettingsError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'TlsSettingsError';
  }
}

/**
 * Reads what the settings name, anew at each call, so that a renewed certificate is used by the next connection.
 * @throws TlsSettingsError
 */
export async function readTlsMaterial(settings: TlsSettings): Promise<TlsMaterial> {
  const [authorities, certificate, key] = await Promise.all([
    readAuthorities(settings),
    settings.certificate ? read('certificate', settings.certificate) : undefined,
    settings.key ? read('key', settings.key) : undefined,
  ]);
  return { ca: authorities, certificate, key, passphrase: settings.passphrase };
}

async function readAuthorities(settings: TlsSettings): Promise<Uint8Array[]> {
  const files = settings.ca ? [settings.ca] : [];
  if (settings.caPath) {
    const folder = settings.caPath;
    const names = await readdir(folder).catch((error) => {
      throw new TlsSettingsError(`can't read the CA folder ${folder}: ${error.message}`, error);
    });
    files.push(...names.filter((name) => /\.(pem|crt|cer)$/.test(name)).map((name) => join(folder, name)));
  }
  return Promise.all(
    files.map(async (file) => {
      const pem = await read('authority', file);
      // Node passes over what is no certificate.
      if (Buffer.from(pem).includes('CERTIFICATE-----')) return pem;
      throw new TlsSettingsError(`the file ${file} contains no CA certificate in PEM format`);
    }),
  );
}

async function read(what: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new TlsSettingsError(`can't read the ${what} ${file}: ${reasonOf(error)}`, error);
  }
}

/**
 * Words on the ends of our certificate and of that which the other side showed, where one is due. `now`: since the
 * epoch.
 */
export function certificateNotices(
  material: TlsMaterial,
  socket: TLSSocket,
  peerName: string,
  now: number,
): string[] {
  const own = material.certificate && new X509Certificate(material.certificate).validToDate.getTime();
  const { valid_to: theirs } = socket.getPeerCertificate() ?? {};
  return [
    own === undefined ? undefined : expiryNotice('our own', own, now),
    theirs ? expiryNotice(`${peerName}'s`, Date.parse(theirs), now) : undefined,
  ].filter((notice) => notice !== undefined);
}

/**
 * TLS on an open socket, on the side that opened it or accepted it. Rejects with Node's error, or a
 * {@link TlsSettingsError} where our own files are no usable PEM.
 */
export async function secureSocket(
  raw: Socket,
  side: 'connecting' | 'accepting',
  mode: TlsMode,
  material: TlsMaterial,
  memory = new SecurityMemory(),
): Promise<TLSSocket> {
  const secureContext = memory.contextOf(mode, material, () => contextOf(mode, material));
  const options = { ...nativeTlsOptions(mode, material), secureContext };
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  raw.once('close', () => reject(closedEarly()));
  if (side === 'connecting') {
    // As Broker, whose certificates are bound to an authority, not to a host name.
    const secure = tlsConnect({ ...options, socket: raw, checkServerIdentity: () => undefined });
    secure.once('secureConnect', () => resolve(secure));
    secure.on('error', reject);
    secure.once('close', () => reject(closedEarly()));
    return promise;
  }
  // A server of its own for each connection: it has the files as they are now. Node would close without a word
  // where it rejects by itself.
  const server = createTlsServer({ ...options, rejectUnauthorized: false, handshakeTimeout: LONGEST });
  server.once('secureConnection', (secure) => {
    if (mode === 'anonymous' || secure.authorized) {
      resolve(secure);
      return;
    }
    reject(rejection(secure));
    secure.destroy();
  });
  server.on('tlsClientError', reject);
  server.emit('connection', raw);
  return promise;
}

function contextOf(mode: TlsMode, material: TlsMaterial): SecureContext {
  try {
    return createSecureContext(nativeTlsOptions(mode, material));
  } catch (error) {
    throw new TlsSettingsError(`the configured TLS files are unusable: ${reasonOf(error)}`, error);
  }
}

/** Why a certificate was not accepted, as an error with Node's code. */
export function rejection(secure: TLSSocket): Error {
  const shown = Object.keys(secure.getPeerCertificate()).length > 0;
  const code = shown ? String(secure.authorizationError) : 'PEER_DID_NOT_RETURN_A_CERTIFICATE';
  return Object.assign(new Error(`the certificate was not accepted: ${code}`), { code });
}

function closedEarly(): Error {
  return Object.assign(new Error('the connection was closed during the TLS handshake'), {
    code: 'ECONNRESET',
  });
}
