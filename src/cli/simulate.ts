import { Command, InvalidArgumentError, Option } from 'commander';
import { AddressError, type EndpointAddress, parseEndpointAddress } from '../broker/address.ts';
import type { TlsSettings } from '../broker/tls.ts';
import { VOCABULARY_IDS, type VocabularyId } from '../vocabulary/model.ts';
import { groups, seconds, whole } from './bro/arguments.ts';
import { addNatsServerOptions, type NatsServerOptions, natsSettings } from './bro/nats-options.ts';
import { type Io, printLine } from './io.ts';
import { runSimulation } from './simulate/run-simulation.ts';
import { failed } from './usage.ts';
import { VERSION } from './version.ts';

interface SimulateOptions extends NatsServerOptions {
  readonly hosts: number;
  readonly endpoint: readonly EndpointAddress[];
  readonly rowsPerMinute: number;
  readonly churn: number;
  readonly duration: number;
  readonly drain: number;
  readonly connectsPerSecond: number;
  readonly runInterval: number;
  readonly refuseQueries: number;
  readonly ignoreQueries: number;
  readonly idPrefix: string;
  readonly group?: readonly string[];
  readonly vocabulary?: readonly VocabularyId[];
  readonly tlsCa?: string;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly natsZeekCluster?: boolean;
}

/** Seconds. */
const SHORTEST_RUN = 0.01;
/** Exit code where rows were not confirmed in the end. */
const UNCONFIRMED = 3;

/** `bro-osquery simulate`: a fleet of hosts that are not there, to learn what a Zeek or a gateway holds. */
export function simulateCommand(io: Io): Command {
  const command = new Command('simulate')
    .description('simulate thousands of hosts at a Zeek or a gateway, and measure the delivery of their rows')
    .requiredOption(
      '--endpoint <address>',
      'where the hosts connect to, as in the setting bro_endpoint (repeatable: the hosts are spread over all)',
      endpoints,
    )
    .option('--hosts <n>', 'how many', whole, 100)
    .option('--rows-per-minute <n>', 'rows of each host for what it is asked', share, 60)
    .option(
      '--run-interval <seconds>',
      'between runs of its queries: the rows of a run come together',
      share,
      10,
    )
    .option('--churn <percent>', 'percent of the hosts that reconnect each minute', share, 0)
    .option('--duration <seconds>', 'how long rows are made', seconds, 60)
    .option('--drain <seconds>', 'how long to wait in the end for rows to be confirmed', seconds, 30)
    .option('--connects-per-second <n>', 'connections begun a second', whole, 200)
    .option('--refuse-queries <n>', 'so many of the hosts refuse one-time queries', number, 0)
    .option('--ignore-queries <n>', 'so many of the others never answer them', number, 0)
    .option('--id-prefix <text>', 'host ids are this and a number', 'sim')
    .option('--group <name>', 'a group that all hosts are in (repeatable)', groups)
    .addOption(
      new Option('--vocabulary <name>', 'a vocabulary that the hosts speak (repeatable; default: all)')
        .choices(VOCABULARY_IDS)
        .argParser(vocabularies),
    )
    .option('--tls-ca <file>', 'authority that has signed the certificate of the other side')
    .option('--tls-certificate <file>', "the hosts' certificate; {id} in it stands for the host's id")
    .option('--tls-key <file>', 'its key; {id} as well')
    .addHelpText('after', HELP);
  addNatsServerOptions(command);
  command.option('--nats-zeek-cluster', 'speak to a Zeek cluster that talks over NATS itself');
  return command.action(async (options: SimulateOptions) => {
    const { hosts, idPrefix, duration, drain, rowsPerMinute, runInterval, churn, connectsPerSecond } =
      options;
    const { refuseQueries, ignoreQueries } = options;
    const report = await runSimulation(io, {
      ...{ hosts, idPrefix, rowsPerMinute, churn, connectsPerSecond },
      ...{ refuseQueries, ignoreQueries },
      runInterval: Math.max(SHORTEST_RUN, runInterval),
      endpoints: options.endpoint,
      tls: (id) => tlsOf(options, id),
      nats: { ...natsSettings(options), ...(options.natsZeekCluster && { zeekCluster: true }) },
      groups: options.group ?? [],
      vocabularies: options.vocabulary,
      duration: duration * 1000,
      drain: drain * 1000,
      version: VERSION,
    }).catch((error: Error) => failed(command, `error: ${error.message}`, { exitCode: 1 }));
    await printLine(io.out, JSON.stringify(report));
    if (report.rows.unconfirmed > 0) {
      failed(command, `${report.rows.unconfirmed} rows were not confirmed within ${drain} s`, {
        exitCode: UNCONFIRMED,
        code: 'simulate.unconfirmed',
      });
    }
  });
}

const HELP = `
The hosts speak real vocabularies over real connections; nothing else about them is real. They have rows for whatever
they are asked, by Zeek's scripts or by "bro-osquery bro". Rows are numbered and sent again until they are confirmed:
by the package's acknowledgement where the Zeek has it, else by Broker's pong. Ctrl-C ends the making of rows early.

One process has room for as many hosts as it may open files (ulimit -n), and one address for about 28,000 connections
to the same port.

At the end comes one JSON object: hosts (asked, up at the end, up_most, reached, reconnects), rows (created, sent,
resent, confirmed, unconfirmed, left_out, per_second), lag_ms from a row's making to its confirmation (p50, p99, max),
requests, closed (ends of connections by their code), problems, seconds, memory_bytes.

Exit codes: 0 all rows were confirmed; 1 could not begin; ${UNCONFIRMED} some were not.`;

function endpoints(text: string, all: readonly EndpointAddress[] = []): readonly EndpointAddress[] {
  try {
    return [...all, parseEndpointAddress(text)];
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw new InvalidArgumentError(error.message);
  }
}

function vocabularies(text: string, all: readonly VocabularyId[] = []): readonly VocabularyId[] {
  const id = VOCABULARY_IDS.find((one) => one === text);
  if (!id) throw new InvalidArgumentError(`It must be one of ${VOCABULARY_IDS.join(', ')}.`);
  return [...all, id];
}

function number(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is not a whole number of at least 0.');
}

function share(text: string): number {
  if (/^\d{1,7}(\.\d{1,6})?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is not a number of at least 0.');
}

function tlsOf({ tlsCa, tlsCertificate, tlsKey }: SimulateOptions, id: string): TlsSettings {
  return {
    ...(tlsCa !== undefined && { ca: tlsCa }),
    ...(tlsCertificate !== undefined && { certificate: tlsCertificate.replaceAll('{id}', id) }),
    ...(tlsKey !== undefined && { key: tlsKey.replaceAll('{id}', id) }),
  };
}
