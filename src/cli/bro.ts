import { Command, Option } from 'commander';
import { formatEndpointAddress } from '../broker/address.ts';
import type { BrokerAddress } from '../broker/endpoint-connection.ts';
import { type TlsSettings, tlsSettingsProblem } from '../broker/tls.ts';
import { readTlsMaterial } from '../broker/tls-connection.ts';
import { NatsOpenError } from '../nats/link-client.ts';
import { StreamError } from '../nats/stream-client.ts';
import { printable } from '../replay/printable.ts';
import { UPDATE_TYPES, type UpdateType, VOCABULARY_IDS, type VocabularyId } from '../vocabulary/model.ts';
import { PACKAGE_VERSION } from '../vocabulary/zeek-package.ts';
import { columnNames } from '../zeek-client/column-names.ts';
import { createDialect } from '../zeek-client/dialects.ts';
import type { BroQuery, Target } from '../zeek-client/model.ts';
import {
  brokerAddresses,
  collected,
  columnLists,
  endpointId,
  eventName,
  group,
  groups,
  interval,
  seconds,
  whole,
} from './bro/arguments.ts';
import { addConsoleOptions, type BroConsoleOptions, consoleOptions } from './bro/console-options.ts';
import { broEventAsJson } from './bro/format-event.ts';
import { addNatsOptions, type NatsOptions, natsListen, natsSettings } from './bro/nats-options.ts';
import { RowTable } from './bro/row-table.ts';
import { type NamedQuery, runBro } from './bro/run-bro.ts';
import { painterFor } from './colour.ts';
import { type Io, printLine } from './io.ts';
import { failed } from './usage.ts';

interface BroCommandOptions extends NatsOptions, BroConsoleOptions {
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
  readonly format: 'auto' | 'table' | 'json';
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
  const command = new Command('bro');
  command
    .description('act as a Zeek: query hosts and print their rows, one JSON object per line')
    .optionsGroup('Where hosts come:')
    .option(
      '--listen <address>',
      `address to listen on: host:port, broker:// (plain TCP alone), brokers:// (TLS alone), ws:// or wss:// (repeatable; default: ${DEFAULT_ADDRESS})`,
      brokerAddresses,
    )
    .option(
      '--websocket <host:port>',
      "also listen as Zeek's WebSocket server does; over TLS with --tls-certificate (repeatable)",
      (text: string, all?: readonly BrokerAddress[]) => brokerAddresses(`ws://${text}`, all),
    );
  addConsoleOptions(command);
  command
    .optionsGroup('What is asked:')
    .option('--subscribe <sql>', 'a query to subscribe to (repeatable)', collected)
    .option('--execute <sql>', 'a query to run once on each host (repeatable)', collected)
    .option(
      '--columns <names>',
      "names of a query's columns, separated by commas (repeatable, in the order of the queries, --subscribe first); by default as the host tells them",
      columnLists,
    )
    .option('--interval <seconds>', `interval of subscriptions (default: ${DEFAULT_INTERVAL})`, interval)
    .addOption(
      new Option('--update <type>', 'which rows of a subscription').choices(UPDATE_TYPES).default('BOTH'),
    )
    .option('--no-initial-rows', "leave out the first run's rows (bro-2017-01, zeek-agent-2)")
    .option(
      '--event <name>',
      'name of the event for the rows; a number is appended if there are several queries',
      eventName,
      'bro_osquery::row',
    )
    .option('--cookie <text>', 'a string that is returned with each row')
    .optionsGroup('Of whom:')
    .addOption(new Option('--host <id>', 'only this host').conflicts('group'))
    .option('--group <name>', 'only the hosts of a group', group)
    .option('--join <group>', 'make these hosts join a group (repeatable)', groups)
    .optionsGroup('Until when:')
    .option('--count <n>', 'exit after this many rows', whole)
    .option('--duration <seconds>', 'exit after this much time', seconds)
    .optionsGroup('As which Zeek:')
    .addOption(
      new Option('--vocabulary <name>', 'vocabulary of the scripts to act as')
        .choices(VOCABULARY_IDS)
        .default('zeek-osquery'),
    )
    .option('--topic-prefix <prefix>', "instead of the vocabulary's own, without a trailing slash")
    .option(
      '--no-package',
      "act as a Zeek with the scripts of 2018, to which hosts can't report errors (zeek-osquery)",
    )
    .option(
      '--id <uuid>',
      'Broker endpoint id; random by default, as of a Zeek that has just started',
      endpointId,
    )
    .optionsGroup('Output:')
    .addOption(
      new Option(
        '--format <form>',
        'rows as a table, or as one JSON object a line; auto: a table on a terminal',
      )
        .choices(['auto', 'table', 'json'])
        .default('auto'),
    )
    .option('--json', 'also print everything else as JSON lines; rows are JSON then')
    .optionsGroup('TLS:')
    .option('--tls-ca <file>', "CA that signed the hosts' certificates")
    .option('--tls-ca-path <folder>', 'folder of such CAs')
    .option('--tls-certificate <file>', 'certificate to present, with the chain below its CA')
    .option('--tls-key <file>', 'its key')
    .addOption(new Option('--tls-passphrase <text>', 'of the key').env('BRO_OSQUERY_TLS_PASSPHRASE'))
    .option('--tls-require-authentication', 'refuse hosts that do not authenticate')
    .addHelpText('after', HELP);
  command.optionsGroup('NATS:');
  addNatsOptions(command);
  return command.action(async (options: BroCommandOptions) => {
    const endpoint = options.id ?? io.randomId();
    const { topicPrefix, vocabulary } = options;
    const dialect = createDialect(vocabulary, {
      endpointId: endpoint,
      ...(topicPrefix !== undefined && { topicPrefix }),
    });
    const target = targetOf(options);
    const queries = queriesOf(options, target);
    const lists = options.columns?.length ?? 0;
    if (lists > queries.length) {
      const are = queries.length === 1 ? 'is 1 query' : `are ${queries.length} queries`;
      command.error(`error: --columns is given ${lists} times, but there ${are}`, { exitCode: 1 });
    }
    for (const { query } of queries) {
      const objection = dialect.unsupported(query);
      if (objection !== undefined) command.error(`error: ${vocabulary} ${objection}`, { exitCode: 1 });
    }
    if (options.join && !dialect.membership) {
      command.error(`error: ${vocabulary} does not support joining groups`, { exitCode: 1 });
    }
    const tls = tlsOf(options);
    if (options.console && vocabulary !== 'zeek-osquery') {
      command.error(`error: --console needs the vocabulary zeek-osquery, not ${vocabulary}`, { exitCode: 1 });
    }
    const { nats } = options;
    const fail = (error: Error) => failed(command, `error: ${error.message}`, { exitCode: 1 });
    await checkTls(tls, nats === undefined).catch(fail);
    const listen =
      nats &&
      natsListen(nats, {
        settings: attempt(() => natsSettings(options), fail),
        tls,
        endpointId: endpoint,
        filter: dialect.filter,
        onProblem: (problem) =>
          void printLine(
            io.err,
            options.json ? broEventAsJson({ type: 'problem', problem }, io.now()) : printable(problem),
          ),
      });
    const addresses = addressesOf(options);
    const run = runBro(io, {
      bro: {
        addresses,
        endpointId: endpoint,
        dialect,
        tls,
        ...(listen && { listen }),
        ...(vocabulary === 'zeek-osquery' && options.package && { packageVersion: PACKAGE_VERSION }),
      },
      where: nats && formatEndpointAddress(nats),
      queries,
      target,
      join: options.join ?? [],
      count: options.count,
      duration: options.duration === undefined ? undefined : options.duration * 1000,
      json: options.json === true,
      consoles: consoleOptions(options),
      table: isTable(io, options)
        ? new RowTable(() => io.out.columns ?? 100, painterFor(io.out, io.env))
        : undefined,
    });
    const { end, rows } = await run.catch((error: NodeJS.ErrnoException) => {
      if (error instanceof NatsOpenError || error instanceof StreamError) return fail(error);
      if (error.syscall === undefined) throw error;
      return failed(command, `error: can't listen: ${error.message}`, { exitCode: 1 });
    });
    if (end === 'duration' && options.count !== undefined) {
      const problem = `${rows} of ${options.count} rows arrived within ${options.duration} s`;
      failed(command, problem, { exitCode: TOO_FEW_ROWS, code: 'bro.too-few-rows' });
    }
  });
}

const HELP = `
Rows go to standard output, everything else to standard error. A Zeek event carries values by position and type;
names of columns are those of --columns, else as the host tells them, else as the query's select list has them.
Ctrl-C (or SIGTERM) unsubscribes, disconnects and exits.

Exit codes: 0 success; 1 could not start (invalid options, the address is in use, TLS files are
unusable); ${TOO_FEW_ROWS} --duration elapsed before --count rows had arrived.`;

/** A terminal gets a table, unless JSON is asked for. */
function isTable(io: Io, { format, json }: BroCommandOptions): boolean {
  return format === 'table' || (format === 'auto' && !json && io.out.isTTY === true);
}

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
    const given = options.columns?.[index];
    return {
      query,
      given: given && columnNames(vocabulary, sql, given),
      names: columnNames(vocabulary, sql, undefined),
    };
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
async function checkTls(tls: TlsSettings, native: boolean): Promise<void> {
  const problem = native ? tlsSettingsProblem(tls) : '';
  if (problem !== '') throw new Error(problem);
  await readTlsMaterial(tls);
}

function attempt<T>(make: () => T, fail: (error: Error) => never): T {
  try {
    return make();
  } catch (error) {
    return fail(error as Error);
  }
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
