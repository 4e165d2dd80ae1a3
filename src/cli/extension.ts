import { Command, InvalidArgumentError, Option } from 'commander';
import { type Bus, createBus } from '../bus/bus.ts';
import { BusBridge, DEFAULT_BUS_PREFIX } from '../nats/bus-bridge-client.ts';
import { checkSocketPath } from '../osquery/socket-path.ts';
import { reasonOf } from '../text/reason.ts';
import { OwnLog } from '../zeek-agent/own-log.ts';
import { type NatsAddress, natsAddress, subjectPrefix } from './bro/nats-options.ts';
import {
  createExtensionContext,
  type ExtensionContext,
  type Runtime,
} from './extension/extension-context.ts';
import { metricsAddress } from './extension/observation/metrics-address.ts';
import type { MetricsAddress } from './extension/observation/metrics-server.ts';
import { runExtension } from './extension/wiring/run.ts';
import type { RunningSystem } from './extension/wiring/running.ts';
import type { InspectAddress } from './inspect/address.ts';
import { inspectAddress, readToken } from './inspect/options.ts';
import { LAYOUT } from './layout.ts';
import { createLog } from './log-output.ts';
import { recordTrace } from './trace-file.ts';
import { VERSION } from './version.ts';

interface ExtensionFlags {
  readonly socket: string;
  readonly timeout: number;
  readonly interval: number;
  readonly verbose?: boolean;
  readonly config?: string;
  readonly stateDir?: string;
  readonly trace?: string;
  readonly metrics?: MetricsAddress;
  readonly busNats?: NatsAddress;
  readonly busSubject: string;
  readonly busCredentials?: string;
  readonly inspect?: InspectAddress;
  readonly inspectTokenFile?: string;
}

/** What the process brings: the real clock, chance and signals, and whether osqueryd started us. */
export interface ProcessParts {
  readonly runtime: Runtime;
  /** osqueryd's autoloader says so in the environment. */
  readonly autoloaded: boolean;
  readonly onSignal: (name: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void) => void;
  /** Calls once the process that started us has ended. */
  readonly onOrphaned: (listener: () => void) => void;
  readonly exit: (code: number) => void;
}

/** osqueryd's autoloader passes --socket, --timeout, --interval and --verbose; all else comes from its environment. */
const variable = (name: string) => `BRO_OSQUERY_${name}`;

const HELP = `
osqueryd's autoloader passes --socket, --timeout, --interval and --verbose alone; set the others in the environment of
osqueryd (its /etc/default/osqueryd), which the extension inherits.

Exit codes: 0 stopped by osqueryd or a signal, or osqueryd has exited; 1 could not start or go on (the state directory
is unusable, its log damaged or in use; another instance is registered; an option is wrong). The reason is in the log.`;

/** `bro-osquery extension`: the extension itself, as osqueryd starts it or as one does by hand. */
export function extensionCommand(parts: ProcessParts): Command {
  return new Command('extension')
    .description('connect this host to its Zeeks, as an extension of osqueryd')
    .optionsGroup('osqueryd, as its autoloader passes them:')
    .requiredOption('--socket <path>', "osqueryd's --extensions_socket")
    .option(
      '--timeout <seconds>',
      'how long to wait for osqueryd before giving up (when osqueryd started us)',
      seconds,
      3,
    )
    .option('--interval <seconds>', 'how often to check that osqueryd still lists the extension', seconds, 3)
    .option('--verbose', 'log debug messages')
    .optionsGroup('Configuration and state:')
    .addOption(
      new Option(
        '--config <file>',
        "read the key `bro` from this file where osquery's own configuration has none",
      ).env(variable('CONFIG')),
    )
    .addOption(
      new Option(
        '--state-dir <directory>',
        `keep event log, journal and cursors here; by default in the configuration's state_dir, else ${LAYOUT.state}`,
      ).env(variable('STATE_DIR')),
    )
    .optionsGroup('To look inside:')
    .addOption(
      new Option(
        '--metrics <[host:]port>',
        'serve Prometheus metrics at /metrics, on 127.0.0.1 unless a host is given',
      )
        .env(variable('METRICS'))
        .argParser(metricsAddress),
    )
    .addOption(
      new Option(
        '--trace <file>',
        'record every message and every step of every machine and conversation, for `replay --trace`',
      ).env(variable('TRACE')),
    )
    .addOption(
      new Option('--bus-nats <url>', 'mirror the internal bus to a NATS server, for monitoring')
        .env(variable('BUS_NATS'))
        .argParser(natsAddress),
    )
    .addOption(
      new Option('--bus-subject <prefix>', "prefix of the mirror's subjects")
        .env(variable('BUS_SUBJECT'))
        .argParser(subjectPrefix)
        .default(DEFAULT_BUS_PREFIX),
    )
    .addOption(
      new Option('--bus-credentials <file>', 'credentials file for that server, as nsc writes it').env(
        variable('BUS_CREDENTIALS'),
      ),
    )
    .addOption(
      new Option(
        '--inspect <address>',
        'serve the inspector to `inspect --live` and browsers: host:port, or a Unix socket',
      )
        .env(variable('INSPECT'))
        .argParser(inspectAddress),
    )
    .addOption(
      new Option(
        '--inspect-token-file <file>',
        'the token they must present; required unless on loopback',
      ).env(variable('INSPECT_TOKEN_FILE')),
    )
    .addHelpText('after', HELP)
    .action((flags: ExtensionFlags, command: Command) => {
      if (flags.inspect?.isLocal === false && flags.inspectTokenFile === undefined) {
        command.error('error: --inspect requires --inspect-token-file unless on loopback');
      }
      try {
        checkSocketPath(flags.socket);
      } catch (error) {
        command.error(`error: ${reasonOf(error)}`);
      }
      return run(flags, parts);
    });
}

async function run(
  flags: ExtensionFlags,
  { runtime, autoloaded, onSignal, onOrphaned, exit }: ProcessParts,
): Promise<void> {
  const ownLog = new OwnLog();
  const log = createLog(flags.verbose ? 'debug' : 'info', (line) => ownLog.take(line));
  const bus = createBus({
    now: runtime.now,
    onFailure: (error, message) =>
      log.error({ err: error, subject: message.subject }, 'a subscriber of the bus failed'),
  });
  bus.subscribe(['>'], (message) => log.debug({ area: 'bus', ...message }, message.subject));
  const trace =
    flags.trace === undefined
      ? undefined
      : recordTrace(flags.trace, bus, runtime.now, VERSION, (error) =>
          log.error({ err: error, area: 'trace' }, "can't write the trace; it ends here"),
        );
  const bridge = bridgeTo(flags, bus, (problem) => log.warn({ area: 'nats' }, problem));
  const context = createExtensionContext({ runtime, log, ownLog, bus, version: VERSION });
  const extension = runExtension(context, {
    socket: flags.socket,
    timeout: flags.timeout * 1_000,
    interval: Math.max(1, flags.interval) * 1_000,
    configFile: flags.config,
    stateDirectory: flags.stateDir,
    givesUp: autoloaded,
    ...(trace && { inspect: trace.inspect, onConversation: trace.onConversation }),
    ...(flags.metrics && { metrics: flags.metrics }),
    onSystem: (system) => void letInspect(context, system, flags),
  });
  onSignal('SIGINT', () => extension.signal('SIGINT'));
  onSignal('SIGTERM', () => extension.signal('SIGTERM'));
  onSignal('SIGHUP', () => extension.refresh());
  // An osqueryd that was killed leaves us its locked pidfile open: the next one can't start before we end.
  if (autoloaded) onOrphaned(() => extension.signal('notice that the osqueryd that started it has exited'));
  try {
    const { code, reason } = await extension.ended;
    log[code === 0 ? 'info' : 'error']({ code }, `exiting: ${reason}`);
    await bridge?.close();
    exit(code);
  } catch (error) {
    log.fatal({ err: error }, 'exiting: internal error');
    exit(1);
  }
}

/** The mirror of the bus, if one is wanted. */
function bridgeTo(
  { busNats, busSubject, busCredentials }: ExtensionFlags,
  bus: Bus,
  onProblem: (problem: string) => void,
): BusBridge | undefined {
  if (busNats === undefined) return undefined;
  let host: string | undefined;
  bus.subscribe(['osquery.host'], (message) => {
    if (message.type === 'osquery.host') host = message.host.id;
  });
  const settings = {
    prefix: busSubject,
    jetstream: 'off' as const,
    ...(busCredentials !== undefined && { credentials: busCredentials }),
  };
  const bridge = new BusBridge({
    target: { ...busNats, settings, name: `bro-osquery bus ${VERSION}` },
    prefix: busSubject,
    host: () => host,
    onProblem,
  });
  bus.subscribe(['>'], bridge.take);
  return bridge;
}

/** Opens the extension to whoever may look inside, if it is to be. That this fails is no reason to do no work. */
async function letInspect(
  context: ExtensionContext,
  system: RunningSystem,
  { inspect, inspectTokenFile }: ExtensionFlags,
): Promise<void> {
  if (!inspect) return;
  try {
    const token = inspectTokenFile === undefined ? null : await readToken(inspectTokenFile);
    const { serveLive } = await import('./inspect/serve-live.ts');
    const { address } = await serveLive(context, system, { address: inspect, token });
    context.log.info({ area: 'inspect', address }, `serving the inspector: ${address}`);
  } catch (error) {
    context.log.error({ err: error, area: 'inspect' }, "can't serve the inspector");
  }
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('It is not a number of seconds.');
  return value;
}
