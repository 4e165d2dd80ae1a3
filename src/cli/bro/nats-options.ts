import { type Command, InvalidArgumentError, Option } from 'commander';
import { AddressError, type EndpointAddress, parseEndpointAddress } from '../../broker/address.ts';
import type { Accept, Listener } from '../../broker/listening-server.ts';
import type { TlsSettings } from '../../broker/tls.ts';
import { listenNats } from '../../nats/nats-bro-server.ts';
import { type JetStreamUse, type NatsSettings, natsSettingsProblem } from '../../nats/settings.ts';
import { DEFAULT_PREFIX, prefixProblem } from '../../nats/subjects.ts';
import { VERSION } from '../version.ts';

/** Options of a Bro that meets its hosts at a NATS server. */
export interface NatsOptions extends NatsServerOptions {
  readonly nats?: NatsAddress;
}

/** How a NATS server is used, whoever connects to it. */
export interface NatsServerOptions {
  readonly natsPrefix: string;
  readonly natsJetstream: JetStreamUse;
  readonly natsCredentials?: string;
  readonly natsNkey?: string;
  readonly natsUser?: string;
  readonly natsPassword?: string;
}

export type NatsAddress = Extract<EndpointAddress, { readonly kind: 'nats' }>;

export function addNatsOptions(command: Command): void {
  command.addOption(
    new Option('--nats <url>', 'serve hosts through a NATS server, nats://host:port or tls://host:port')
      .argParser(natsAddress)
      .conflicts(['listen', 'websocket']),
  );
  addNatsServerOptions(command);
}

export function addNatsServerOptions(command: Command): void {
  command
    .addOption(
      new Option('--nats-prefix <subject>', 'prefix of the subjects; each belongs to one Zeek')
        .argParser(subjectPrefix)
        .default(DEFAULT_PREFIX),
    )
    .addOption(
      new Option('--nats-jetstream <use>', 'read rows from a stream: an existing one, or create it')
        .choices(['off', 'use', 'create'] satisfies JetStreamUse[])
        .default('off'),
    )
    .option('--nats-credentials <file>', 'credentials file, as nsc writes it')
    .option('--nats-nkey <file>', "an nkey's seed")
    .option('--nats-user <name>', 'name of a user')
    .addOption(
      new Option('--nats-password <text>', 'the password of that user').env('BRO_OSQUERY_NATS_PASSWORD'),
    );
}

/** @throws Error if the options contradict one another */
export function natsSettings(options: NatsServerOptions): NatsSettings {
  const { natsPrefix, natsJetstream, natsCredentials, natsNkey, natsUser, natsPassword } = options;
  const settings: NatsSettings = {
    prefix: natsPrefix,
    jetstream: natsJetstream,
    ...(natsCredentials !== undefined && { credentials: natsCredentials }),
    ...(natsNkey !== undefined && { nkey: natsNkey }),
    ...(natsUser !== undefined && { user: natsUser }),
    ...(natsPassword !== undefined && natsUser !== undefined && { password: natsPassword }),
  };
  const problem = natsSettingsProblem(settings);
  if (problem !== '') throw new Error(problem);
  return settings;
}

/** How a Bro meets hosts at the server. */
export function natsListen(
  address: NatsAddress,
  parts: {
    readonly settings: NatsSettings;
    readonly tls: TlsSettings;
    readonly endpointId: string;
    readonly filter: readonly string[];
    readonly onProblem: (problem: string) => void;
  },
): (accept: Accept) => Promise<Listener> {
  return (accept) =>
    listenNats({ ...address, ...parts, name: `bro-osquery bro ${VERSION}`, version: VERSION }, accept);
}

export function natsAddress(text: string): NatsAddress {
  try {
    const address = parseEndpointAddress(text);
    if (address.kind === 'nats') return address;
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw new InvalidArgumentError(error.message);
  }
  throw new InvalidArgumentError('It must be nats://host:port or tls://host:port.');
}

export function subjectPrefix(text: string): string {
  const problem = prefixProblem(text);
  if (problem !== '') throw new InvalidArgumentError(`It ${problem}.`);
  return text;
}
