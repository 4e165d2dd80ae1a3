import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { nativeTlsOptions, type TlsMaterial, type TlsSettings, tlsMode } from './tls.ts';
import { readTlsMaterial, rejection } from './tls-connection.ts';

/** Whoever secures a socket bounds the time itself. */
const LONGEST = 2 ** 31 - 1;
/** Milliseconds after which files are looked at again. */
const FRESH = 5_000;

interface Awaiting {
  readonly resolve: (secure: TLSSocket) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The accepting side of TLS for many connections: one context for all of them, made anew when the files have changed,
 * so that a renewed certificate is used by the next connection.
 */
export class TlsAcceptor {
  readonly settings: TlsSettings;
  readonly #awaiting = new Map<string, Awaiting>();
  #material: TlsMaterial;
  #server: Server;
  #print: string;
  #readAt = Date.now();

  private constructor(settings: TlsSettings, material: TlsMaterial) {
    this.settings = settings;
    this.#material = material;
    this.#print = printOf(material);
    this.#server = this.#serve(material);
  }

  /** @throws TlsSettingsError, or Node's error where the files are no usable PEM */
  static async open(settings: TlsSettings): Promise<TlsAcceptor> {
    return new TlsAcceptor(settings, await readTlsMaterial(settings));
  }

  /** What our files held last. */
  get material(): TlsMaterial {
    return this.#material;
  }

  /** TLS on a socket that was accepted. Rejects with Node's error. */
  async secure(raw: Socket): Promise<TLSSocket> {
    await this.#refresh();
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
    const key = keyOf(raw);
    const done = () => this.#awaiting.delete(key);
    this.#awaiting.set(key, { resolve, reject });
    promise.then(done, done);
    raw.once('close', () =>
      reject(
        Object.assign(new Error('the connection was closed during the TLS handshake'), {
          code: 'ECONNRESET',
        }),
      ),
    );
    this.#server.emit('connection', raw);
    return promise;
  }

  async #refresh(): Promise<void> {
    if (Date.now() - this.#readAt < FRESH) return;
    this.#readAt = Date.now();
    // Files that are being written are read again next time; what was good goes on.
    const material = await readTlsMaterial(this.settings).catch(() => undefined);
    if (!material || printOf(material) === this.#print) return;
    try {
      this.#server = this.#serve(material);
      this.#material = material;
      this.#print = printOf(material);
    } catch {
      // As above.
    }
  }

  #serve(material: TlsMaterial): Server {
    const mode = tlsMode(this.settings);
    const server = createServer({
      ...nativeTlsOptions(mode, material),
      // Node would close silently where it rejects by itself.
      rejectUnauthorized: false,
      handshakeTimeout: LONGEST,
    });
    server.on('secureConnection', (secure) => {
      const awaiting = this.#awaiting.get(keyOf(secure));
      if (mode === 'anonymous' || secure.authorized) {
        awaiting?.resolve(secure);
        return;
      }
      awaiting?.reject(rejection(secure));
      secure.destroy();
    });
    server.on('tlsClientError', (error, socket) => this.#awaiting.get(keyOf(socket))?.reject(error));
    return server;
  }
}

/** A connection to one port is told from the others by where it comes from. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function printOf({ ca, certificate, key }: TlsMaterial): string {
  const hash = createHash('sha256');
  for (const part of [...ca, certificate, key]) hash.update(part ?? '').update('\0');
  return hash.digest('hex');
}
