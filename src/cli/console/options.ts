import { hostname, userInfo } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { AddressError, parseEndpointAddress } from '../../broker/address.ts';
import type { BrokerAddress } from '../../broker/endpoint-connection.ts';
import type { TlsSettings } from '../../broker/tls.ts';
import { readTlsMaterial, TlsSettingsError } from '../../broker/tls-connection.ts';
import type { ZeekFacts } from '../../console/model.ts';
import { ConsoleError, ConsoleSession } from '../../console/session-client.ts';
import { printable } from '../../replay/printable.ts';
import { DEFAULT_PREFIXES } from '../../vocabulary/vocabularies.ts';
import { type Io, printLine } from '../io.ts';
import { failed } from '../usage.ts';
import { VERSION } from '../version.ts';

/** How a command reaches a Zeek as a console. */
export interface SessionOptions {
  readonly zeek: BrokerAddress;
  readonly as?: string;
  readonly plain?: boolean;
  readonly topicPrefix: string;
  readonly tlsCa?: string;
  readonly tlsCaPath?: string;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly tlsPassphrase?: string;
}

/** The Zeek could not be reached, or does not grant what was asked. */
export const NOT_ASKED = 1;
/** After Ctrl-C, as shells have it. */
export const INTERRUPTED = 130;

export function addSessionOptions(command: Command): Command {
  return command
    .optionsGroup('Which Zeek:')
    .addOption(
      new Option('--zeek <address>', "the Zeek's WebSocket API: wss://host:port, or ws:// on this machine")
        .env('BRO_OSQUERY_ZEEK')
        .argParser(zeekAddress)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--tls-ca <file>', "CA that signed the Zeek's certificate").env('BRO_OSQUERY_TLS_CA'),
    )
    .option('--tls-ca-path <folder>', 'folder of such CAs')
    .addOption(
      new Option('--tls-certificate <file>', 'certificate to present').env('BRO_OSQUERY_TLS_CERTIFICATE'),
    )
    .addOption(new Option('--tls-key <file>', 'its key').env('BRO_OSQUERY_TLS_KEY'))
    .addOption(new Option('--tls-passphrase <text>', 'of the key').env('BRO_OSQUERY_TLS_PASSPHRASE'))
    .option('--plain', 'allow ws:// to another machine: anyone on the way reads and changes what passes')
    .option('--as <name>', "who asks, for the Zeek's log (default: user@machine)")
    .option(
      '--topic-prefix <prefix>',
      "where the Zeek's osquery::TopicPrefix is another",
      DEFAULT_PREFIXES['zeek-osquery'],
    );
}

function zeekAddress(text: string): BrokerAddress {
  try {
    const address = parseEndpointAddress(text);
    if (address.kind === 'websocket') return address;
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw new InvalidArgumentError(error.message);
  }
  throw new InvalidArgumentError(
    "Consoles use Zeek's WebSocket API: wss://host:port, or ws://127.0.0.1:27760.",
  );
}

/** Runs with a session, which ends with it; ends the command with a clear error where there can be none. */
export async function withSession<T>(
  io: Io,
  command: Command,
  options: SessionOptions,
  use: (session: ConsoleSession, zeek: ZeekFacts) => Promise<T>,
): Promise<T> {
  const fail = (message: string) => failed(command, `error: ${message}`, { exitCode: NOT_ASKED });
  const { zeek: address } = options;
  if (address.kind === 'websocket' && !address.secure && !isLoopback(address.host) && !options.plain) {
    fail(
      `${address.host} is another machine, and ws:// is neither encrypted nor authenticated; use wss://, or --plain`,
    );
  }
  const tls = tlsOf(options);
  try {
    await readTlsMaterial(tls);
    const { session, zeek } = await openSession(io, options, tls);
    try {
      return await use(session, zeek);
    } finally {
      await session.close();
    }
  } catch (error) {
    if (error instanceof ConsoleError || error instanceof TlsSettingsError) return fail(error.message);
    throw error;
  }
}

/** @throws ConsoleError */
export function openSession(
  io: Io,
  { zeek, as, topicPrefix }: SessionOptions,
  tls: TlsSettings,
): Promise<{ session: ConsoleSession; zeek: ZeekFacts }> {
  return ConsoleSession.open({
    ...{ address: zeek, tls, topicPrefix, version: VERSION, randomId: io.randomId },
    user: as ?? `${userName(io)}@${hostname()}`,
    onProblem: (problem) => void printLine(io.err, printable(problem)),
  });
}

export function tlsOf(options: SessionOptions): TlsSettings {
  const { tlsCa, tlsCaPath, tlsCertificate, tlsKey, tlsPassphrase } = options;
  return {
    ...(tlsCa !== undefined && { ca: tlsCa }),
    ...(tlsCaPath !== undefined && { caPath: tlsCaPath }),
    ...(tlsCertificate !== undefined && { certificate: tlsCertificate }),
    ...(tlsKey !== undefined && { key: tlsKey }),
    ...(tlsPassphrase !== undefined && { passphrase: tlsPassphrase }),
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

function userName({ env }: Io): string {
  try {
    return env['SUDO_USER'] ?? userInfo().username;
  } catch {
    // A container may run us as nobody that it knows.
    return env['USER'] ?? 'unknown';
  }
}
