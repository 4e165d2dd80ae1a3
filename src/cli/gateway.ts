import { hostname } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { AddressError, parseEndpointAddress } from '../broker/address.ts';
import { natsAddress } from './bro/nats-options.ts';
import { metricsAddress } from './extension/observation/metrics-address.ts';
import type { MetricsAddress } from './extension/observation/metrics-server.ts';
import { AuditFile } from './gateway/audit-file.ts';
import { serveGateway } from './gateway/observers.ts';
import { runGateway } from './gateway/run-gateway.ts';
import { type GatewaySources, readGatewaySettings } from './gateway/settings-file.ts';
import type { Io } from './io.ts';
import { createLog } from './log-output.ts';
import { failed } from './usage.ts';
import { VERSION } from './version.ts';

interface GatewayFlags extends GatewaySources {
  readonly name?: string;
  readonly metrics?: MetricsAddress;
  readonly verbose?: boolean;
}

/** `bro-osquery gateway`: carries any number of hosts to a Zeek over one connection. */
export function gatewayCommand(io: Io, onHangup: (listener: () => void) => void): Command {
  return new Command('gateway')
    .description(
      'carry any number of hosts to a Zeek over one connection: hosts name the gateway as their Zeek',
    )
    .option(
      '--zeek <address>',
      'the Zeek: host:port, broker://, brokers://, ws:// or wss:// (repeatable: ways to the same Zeek, tried in order)',
      zeekAddresses,
    )
    .option(
      '--listen <address>',
      'where hosts connect to: host:port, broker:// or brokers:// (default: 0.0.0.0:9998)',
    )
    .option(
      '--nats <url>',
      'where hosts meet this gateway and others that share them: nats:// or tls://host:port (repeatable: servers of one cluster)',
      natsServers,
    )
    .addOption(
      new Option('--config <file>', 'read settings from this JSON file; the command line goes before it').env(
        'BRO_OSQUERY_GATEWAY_CONFIG',
      ),
    )
    .option(
      '--name <text>',
      "what the Zeek's package and log call this gateway (default: the host's name)",
      gatewayName,
    )
    .option(
      '--audit-log <file>',
      "log the Zeek's requests and their hosts, one JSON object per line; SIGHUP reopens it",
    )
    .option('--state-dir <directory>', 'where the status socket is')
    .addOption(
      new Option(
        '--metrics <[host:]port>',
        'serve Prometheus metrics at /metrics, on 127.0.0.1 unless a host is given',
      ).argParser(metricsAddress),
    )
    .option('--verbose', 'log each host that connects and disconnects')
    .addHelpText('after', HELP)
    .action(async (flags: GatewayFlags, command: Command) => {
      const parsed = await readGatewaySettings(flags).catch((error: Error) =>
        failed(command, `error: ${error.message}`, { exitCode: 1 }),
      );
      if ('problems' in parsed) {
        failed(command, parsed.problems.map((problem) => `error: ${problem}`).join('\n'), { exitCode: 1 });
      }
      const { settings, warnings } = parsed;
      const log = createLog(flags.verbose ? 'debug' : 'info');
      for (const warning of warnings) log.warn({ area: 'config' }, warning);
      const audit =
        settings.auditLog === ''
          ? undefined
          : new AuditFile(settings.auditLog, (problem) => log.error({ area: 'gateway' }, problem));
      onHangup(() => audit?.reopen());
      const gateway = runGateway({
        ...{ settings, log, audit, now: io.now, chance: Math.random, uuid: io.randomId },
        ...{ name: flags.name ?? safeName(hostname()), version: VERSION },
      });
      const observers = await serveGateway(
        settings.stateDirectory,
        flags.metrics,
        () => gateway.report(),
        log,
      );
      if (io.interrupted.aborted) gateway.drain();
      io.interrupted.addEventListener('abort', () => gateway.drain());
      await gateway.ended;
      observers.close();
      await audit?.close();
      log.info({ area: 'gateway' }, 'ended');
    });
}

const HELP = `
Hosts connect as to a Zeek and need no change but the address: "bro_endpoint": "gateway.example.com:9998". The gateway
keeps no rows: a host's rows are confirmed to it when the Zeek has confirmed them, so hosts, gateway and Zeek can each
end at any moment. It listens only while it has its Zeek. A host can speak for itself alone (with certificates: for the
name that its certificate has), and send nothing but what the vocabularies have and what the Zeek has asked for.

SIGTERM (or Ctrl-C) disconnects the hosts and the Zeek cleanly. SIGHUP reopens the audit log.`;

function zeekAddresses(text: string, all: readonly string[] = []): readonly string[] {
  try {
    parseEndpointAddress(text);
    return [...all, text];
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw new InvalidArgumentError(error.message);
  }
}

function natsServers(text: string, all: readonly string[] = []): readonly string[] {
  natsAddress(text);
  return [...all, text];
}

/** It ends a topic. */
function gatewayName(text: string): string {
  if (/^[A-Za-z0-9._-]{1,100}$/.test(text)) return text;
  throw new InvalidArgumentError('A name has 1 to 100 letters, digits, dots, dashes and underscores.');
}

function safeName(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 100) || 'gateway';
}
