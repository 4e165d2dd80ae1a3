import { Command, InvalidArgumentError, Option } from 'commander';
import { AddressError, parseEndpointAddress } from '../broker/address.ts';
import type { BrokerAddress } from '../broker/endpoint-connection.ts';
import { isAnnounceable } from '../broker/endpoint-id.ts';
import { type TlsSettings, tlsSettingsProblem } from '../broker/tls.ts';
import { readTlsMaterial } from '../broker/tls-connection.ts';
import { columnNames } from '../sandbox/bro/column-names.ts';
import { createSpeech } from '../sandbox/bro/speeches.ts';
import type { BroQuery, Target } from '../sandbox/bro/words.ts';
import { isGroupName } from '../vocabulary/groups.ts';
import { isEventName, MAX_INTERVAL } from '../vocabulary/request-reader.ts';
import { VOCABULARY_IDS } from '../vocabulary/vocabularies.ts';
import type { UpdateType, VocabularyId } from '../vocabulary/words.ts';
import { type NamedQuery, runBro } from './bro/run-bro.ts';
import type { Io } from './io.ts';
import { VERSION } from './version.ts';

interface BroCommandOptions {
  readonly listen?: readonly BrokerAddress[];
  readonly websocket?: readonly BrokerAddress[];
  readonly subscribe?: readonly string[];
  readonly execute?: readonly string[];
  readonly columns?: readonly (readonly string[])[];
  readonly interval?: number;
  readonly update: UpdateType;
  readonly initialRows: boolean;
  readonly event: string;
  readonly cookie?: string;
  readonly host?: string;
  readonly group?: string;
  readonly join?: readonly string[];
  readonly count?: number;
  readonly duration?: number;
  readonly vocabulary: VocabularyId;
  readonly topicPrefix?: string;
  readonly package: boolean;
  readonly id?: string;
  readonly json?: boolean;
  readonly tlsCa?: string;
  readonly tlsCaPath?: string;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly tlsPassphrase?: string;
  readonly tlsRequireAuthentication?: boolean;
}

/** Seconds between runs where nothing is said; V1 knows no other. */
const DEFAULT_INTERVAL = 10;
const DEFAULT_ADDRESS = '127.0.0.1:9999';
/** Exit code where the time was over before the rows had come. */
export const TOO_FEW_ROWS = 3;

/** `bro-osquery bro`: a Zeek's place in a deployment, taken for trying it out. */
export function broCommand(io: Io): Command {
  const command = new Command('bro')
    .description('take the place of a Zeek: ask hosts for rows and print them, one JSON object a line')
    .option(
      '--listen <address>',
      `where hosts connect to: host:port, broker:// (plain TCP alone), brokers:// (TLS alone), ws:// or wss:// (repeatable; default: ${DEFAULT_ADDRESS})`,
      brokerAddresses,
    )
    .option(
      '--websocket <host:port>',
      "listen as Zeek's WebSocket server does, too; over TLS with --tls-certificate (repeatable)",
      (text: string, all?: readonly BrokerAddress[]) => brokerAddresses(`ws://${text}`, all),
    )
    .option('--subscribe <sql>', 'a query to run again and again (repeatable)', collected)
    .option('--execute <sql>', 'a query to run once on each host (repeatable)', collected)
    .option(
      '--columns <names>',
      "names of a query's columns, separated by commas (repeatable, in the order of the queries, --subscribe first); by default as they stand in the query",
      columnLists,
    )
    .option('--interval <seconds>', `between runs of a subscription (default: ${DEFAULT_INTERVAL})`, interval)
    .addOption(
      new Option('--update <type>', 'which rows of a subscription')
        .choices(['BOTH', 'ADDED', 'REMOVED', 'SNAPSHOT'] satisfies UpdateType[])
        .default('BOTH'),
    )
    .option('--no-initial-rows', "leave out the first run's rows (bro-2017-01, zeek-agent-2)")
    .option(
      '--event <name>',
      'event that takes the rows; of several queries each has its number added',
      eventName,
      'bro_osquery::row',
    )
    .option('--cookie <text>', 'a mark that comes back with each row')
    .addOption(new Option('--host <id>', 'ask this host alone').conflicts('group'))
    .option('--group <name>', 'ask the hosts of a group alone', group)
    .option('--join <group>', 'have the hosts that are asked join a group (repeatable)', groups)
    .option('--count <n>', 'end after so many rows', whole)
    .option('--duration <seconds>', 'end after so much time', seconds)
    .addOption(
      new Option('--vocabulary <name>', "which scripts' words to use")
        .choices(VOCABULARY_IDS)
        .default('zeek-osquery'),
    )
    .option('--topic-prefix <prefix>', "in place of the vocabulary's own, without a slash at the end")
    .option(
      '--no-package',
      "be a Zeek with the scripts of 2018, whose hosts can't tell it of errors (zeek-osquery)",
    )
    .option('--id <uuid>', 'Broker endpoint id; random by default, as a Zeek that starts anew', endpointId)
    .option('--json', 'tell what else happens as JSON lines, too')
    .option('--tls-ca <file>', "authority that has signed the hosts' certificates")
    .option('--tls-ca-path <folder>', 'folder of such authorities')
    .option('--tls-certificate <file>', 'certificate to show, with the chain below its authority')
    .option('--tls-key <file>', 'its key')
    .addOption(new Option('--tls-passphrase <text>', 'of the key').env('BRO_OSQUERY_TLS_PASSPHRASE'))
    .option('--tls-require-authentication', 'refuse hosts that do not prove who they are')
    .addHelpText('after', HELP);
  return command.action(async (options: BroCommandOptions) => {
    const endpoint = options.id ?? io.randomId();
    const { topicPrefix, vocabulary } = options;
    const speech = createSpeech(vocabulary, {
      endpointId: endpoint,
      ...(topicPrefix !== undefined && { topicPrefix }),
    });
    const target = targetOf(options);
    const queries = queriesOf(options, target);
    for (const { query } of queries) {
      const objection = speech.objectionTo(query);
      if (objection !== undefined) command.error(`error: ${vocabulary} ${objection}`, { exitCode: 1 });
    }
    if (options.join && !speech.membership) {
      command.error(`error: ${vocabulary} has no word for joining a group`, { exitCode: 1 });
    }
    const tls = tlsOf(options);
    await checkTls(tls).catch((error: Error) => command.error(`error: ${error.message}`, { exitCode: 1 }));
    const addresses = addressesOf(options);
    if (
      tls.certificate === undefined &&
      addresses.some((address) => address.kind === 'websocket' && address.secure)
    ) {
      command.error('error: wss:// wants --tls-certificate and --tls-key', { exitCode: 1 });
    }
    const run = runBro(io, {
      bro: {
        addresses,
        endpointId: endpoint,
        speech,
        tls,
        ...(vocabulary === 'zeek-osquery' && options.package && { packageVersion: VERSION }),
      },
      queries,
      target,
      join: options.join ?? [],
      count: options.count,
      duration: options.duration === undefined ? undefined : options.duration * 1000,
      json: options.json === true,
    });
    const { end, rows } = await run.catch((error: NodeJS.ErrnoException) => {
      if (error.syscall === undefined) throw error;
      return command.error(`error: can't listen: ${error.message}`, { exitCode: 1 });
    });
    if (end === 'duration' && options.count !== undefined) {
      const problem = `${rows} of ${options.count} rows came within ${options.duration} s`;
      command.error(problem, { exitCode: TOO_FEW_ROWS, code: 'bro.too-few-rows' });
    }
  });
}

const HELP = `
Rows go to standard output, everything else to standard error. A Zeek event carries values by position and type;
names of columns are those of --columns, else of the query's select list where they stand there plainly.
Ctrl-C (or SIGTERM) unsubscribes, says goodbye and ends.

Exit codes: 0 ended as asked; 1 could not begin (what was asked makes no sense, the address is taken, TLS files are
unusable); ${TOO_FEW_ROWS} the --duration was over before --count rows had come.`;

function targetOf({ host, group }: BroCommandOptions): Target {
  if (host !== undefined) return { to: 'host', host };
  return group === undefined ? { to: 'all' } : { to: 'group', group };
}

function queriesOf(options: BroCommandOptions, target: Target): NamedQuery[] {
  const { subscribe = [], execute = [], event, cookie = '', initialRows, vocabulary } = options;
  const several = subscribe.length + execute.length > 1;
  return [...subscribe, ...execute].map((sql, index): NamedQuery => {
    const repeats = index < subscribe.length;
    const query: BroQuery = {
      id: `query-${index + 1}`,
      sql,
      event: several ? `${event}_${index + 1}` : event,
      cookie,
      updateType: repeats ? options.update : 'SNAPSHOT',
      initialRows: repeats ? initialRows : true,
      interval: repeats ? (options.interval ?? DEFAULT_INTERVAL) : undefined,
      target,
    };
    return { query, names: columnNames(vocabulary, sql, options.columns?.[index]) };
  });
}

function tlsOf(options: BroCommandOptions): TlsSettings {
  const { tlsCa, tlsCaPath, tlsCertificate, tlsKey, tlsPassphrase, tlsRequireAuthentication } = options;
  return {
    ...(tlsCa !== undefined && { ca: tlsCa }),
    ...(tlsCaPath !== undefined && { caPath: tlsCaPath }),
    ...(tlsCertificate !== undefined && { certificate: tlsCertificate }),
    ...(tlsKey !== undefined && { key: tlsKey }),
    ...(tlsPassphrase !== undefined && { passphrase: tlsPassphrase }),
    ...(tlsRequireAuthentication !== undefined && { requireAuthentication: tlsRequireAuthentication }),
  };
}

/** The files are read anew for each connection; what is wrong with them now is said now. */
async function checkTls(tls: TlsSettings): Promise<void> {
  const problem = tlsSettingsProblem(tls);
  if (problem !== '') throw new Error(problem);
  await readTlsMaterial(tls);
}

function addressesOf({
  listen,
  websocket = [],
  tlsCertificate,
}: BroCommandOptions): readonly BrokerAddress[] {
  const secured = websocket.map((address) => ({ ...address, secure: tlsCertificate !== undefined }));
  const all = [...(listen ?? []), ...secured];
  return all.length === 0 ? brokerAddresses(DEFAULT_ADDRESS) : all;
}

function brokerAddresses(text: string, all: readonly BrokerAddress[] = []): readonly BrokerAddress[] {
  try {
    const address = parseEndpointAddress(text, { listening: true });
    if (address.kind !== 'nats') return [...all, address];
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw new InvalidArgumentError(error.message);
  }
  throw new InvalidArgumentError('It listens itself; over NATS nobody does.');
}

function collected(text: string, all: readonly string[] = []): readonly string[] {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
  return [...all, text];
}

function columnLists(text: string, all: readonly (readonly string[])[] = []): readonly (readonly string[])[] {
  return [...all, text.split(',').map((name) => name.trim())];
}

function group(text: string): string {
  if (isGroupName(text)) return text;
  throw new InvalidArgumentError('It is no name of a group.');
}

function groups(text: string, all: readonly string[] = []): readonly string[] {
  return [...all, group(text)];
}

function eventName(text: string): string {
  if (isEventName(text)) return text;
  throw new InvalidArgumentError('It is no name of a Zeek event, as in Module::name.');
}

function interval(text: string): number {
  const value = whole(text);
  if (value <= MAX_INTERVAL) return value;
  throw new InvalidArgumentError(`osquery runs nothing more rarely than every ${MAX_INTERVAL} s.`);
}

function whole(text: string): number {
  if (/^\d{1,15}$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError('It is no whole number from 1 on.');
}

function seconds(text: string): number {
  // A longer timer would go off at once.
  if (/^\d{1,7}(\.\d{1,3})?$/.test(text) && Number(text) > 0 && Number(text) < 2_000_000) return Number(text);
  throw new InvalidArgumentError('It is no time in seconds.');
}

function endpointId(text: string): string {
  const id = text.toLowerCase();
  if (isAnnounceable(id)) return id;
  throw new InvalidArgumentError('It is no UUID of version 1 to 5, which Broker wants.');
}
