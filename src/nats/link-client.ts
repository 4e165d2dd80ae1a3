import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import {
  type Authenticator,
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  type TlsOptions,
} from 'nats';
import { formatEndpointAddress, formatHostAndPort } from '../broker/address.ts';
import type { Closed, Timings } from '../broker/connection.ts';
import { materialOptions, type TlsSettings } from '../broker/tls.ts';
import { readTlsMaterial } from '../broker/tls-connection.ts';
import { reasonOf } from '../text/reason.ts';
import { connectAndCleanUp } from './connect-client.ts';
import { type NatsProblem, openingFailure } from './failures.ts';
import { type NatsSettings, natsSettingsProblem } from './settings.ts';

/** A NATS server, and how we show who we are. */
export interface NatsTarget {
  readonly host: string;
  readonly port: number;
  /** `tls://`: the server's certificate and name are verified, by `tls.ca` or else the system's authorities. */
  readonly secure: boolean;
  readonly settings: NatsSettings;
  readonly tls?: TlsSettings;
  /** What the server calls us in its own lists. */
  readonly name: string;
  /** Further servers of the same cluster, for a lasting connection. */
  readonly others?: readonly { readonly host: string; readonly port: number }[];
}

/** A server was not reached; `closed` says why as a connection would. */
export class NatsOpenError extends Error {
  readonly closed: Closed;

  constructor(closed: Closed, cause?: unknown) {
    super(closed.message, { cause });
    this.name = 'NatsOpenError';
    this.closed = closed;
  }
}

/** The server's address in its one spelling. */
export function serverName({ host, port, secure }: Pick<NatsTarget, 'host' | 'port' | 'secure'>): string {
  return formatEndpointAddress({ kind: 'nats', host, port, secure });
}

/** `lasting`: the package reconnects by itself, for ever; else a connection that is lost stays lost. */
export type Lifetime = 'one' | 'lasting';

/** Milliseconds between attempts of a lasting connection. */
const RECONNECT_PAUSE = 1_000;

/**
 * Connects. Credentials and certificates are read once for each call.
 * @throws NatsOpenError
 */
export async function openNats(
  target: NatsTarget,
  timings: Timings,
  life: Lifetime = 'one',
): Promise<NatsConnection> {
  const server = serverName(target);
  const { tls = {}, secure, settings } = target;
  if (tls.requireAuthentication && !secure) {
    const advice = 'use tls://, or allow it with require_authentication: false';
    throw refusal('unauthenticated', `${server} would be unauthenticated: ${advice}`);
  }
  const problem = natsSettingsProblem(settings);
  if (problem !== '') throw refusal('refused', `the settings of ${server}: ${problem}`);
  const options: ConnectionOptions = {
    servers: [target, ...(target.others ?? [])].map(({ host, port }) => formatHostAndPort(host, port)),
    name: target.name,
    reconnect: life === 'lasting',
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_PAUSE,
    noEcho: true,
    ignoreClusterUpdates: true,
    noAsyncTraces: true,
    // The system resolves names, /etc/hosts among its sources.
    resolve: false,
    timeout: timings.connect,
    pingInterval: timings.idle + timings.suspect,
    maxPingOut: 2,
    tls: secure ? await tlsOptions(target, tls) : null,
    ...(await identity(settings)),
  };
  try {
    return await connectAndCleanUp(options);
  } catch (error) {
    // The package rejects with no error where the socket closed silently.
    const failure: NatsProblem = error instanceof Error ? error : { message: 'it closed the connection' };
    throw new NatsOpenError(openingFailure(failure, server, timings.connect), error);
  }
}

async function identity(settings: NatsSettings): Promise<ConnectionOptions> {
  const { credentials, nkey, user, password } = settings;
  if (credentials !== undefined) return { authenticator: await fromFile(credentials, credsAuthenticator) };
  if (nkey !== undefined)
    return {
      authenticator: await fromFile(nkey, (seed) => nkeyAuthenticator(Buffer.from(seed.toString().trim()))),
    };
  if (user !== undefined) return { user, ...(password !== undefined && { pass: password }) };
  return {};
}

async function fromFile(path: string, make: (content: Buffer) => Authenticator): Promise<Authenticator> {
  const content = await readFile(path, 'latin1').catch((error: Error) => {
    throw refusal('refused', `can't read the credentials ${path}: ${error.message}`, error);
  });
  const authenticator = make(Buffer.from(content, 'latin1'));
  try {
    authenticator('a nonce to be signed');
  } catch (error) {
    throw refusal('refused', `the file ${path} contains no valid credentials: ${reasonOf(error)}`, error);
  }
  return authenticator;
}

async function tlsOptions({ host, others = [] }: NatsTarget, tls: TlsSettings): Promise<TlsOptions> {
  const material = await readTlsMaterial(tls).catch((error: Error) => {
    throw refusal('tls-settings', error.message, error);
  });
  const options = {
    minVersion: 'TLSv1.2',
    // Of several servers each has a name of its own, which the package knows.
    ...(others.length > 0 ? {} : isIP(host) ? { host } : { servername: host, host }),
    ...materialOptions(material),
  };
  // What the package's type leaves out it hands on to Node as it is.
  return options as object as TlsOptions;
}

/**
 * For callbacks of the package, which stops reading without a word where one throws: the error becomes the process's
 * concern, as an error in any other callback is.
 */
export function rethrowing<Args extends readonly unknown[]>(
  callback: (...args: Args) => void,
): (...args: Args) => void {
  return (...args) => {
    try {
      callback(...args);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}

function refusal(code: Closed['code'], message: string, cause?: unknown): NatsOpenError {
  return new NatsOpenError({ code, message, refused: true }, cause);
}
