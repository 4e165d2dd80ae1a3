import type { Command } from 'commander';
import type { BrokerAddress } from '../../broker/endpoint-connection.ts';
import { DEFAULT_PREFIXES } from '../../vocabulary/vocabularies.ts';
import { brokerAddresses } from './arguments.ts';
import type { ConsoleOptions } from './run-bro.ts';

/** Options of a Bro that consoles connect to. */
export interface BroConsoleOptions {
  readonly console?: BrokerAddress;
  readonly consoleReadOnly?: boolean;
  readonly topicPrefix?: string;
  readonly tlsCertificate?: string;
}

export function addConsoleOptions(command: Command): void {
  command
    .option(
      '--console <host:port>',
      'also listen for consoles (bro-osquery query and its like); over TLS with --tls-certificate (zeek-osquery)',
      (text: string) => brokerAddresses(`ws://${text}`)[0],
    )
    .option('--console-read-only', 'let consoles see hosts, and run no queries');
}

export function consoleOptions(options: BroConsoleOptions): ConsoleOptions | undefined {
  const { console: address, consoleReadOnly = false, topicPrefix, tlsCertificate } = options;
  if (address?.kind !== 'websocket') return undefined;
  return {
    address: { ...address, secure: tlsCertificate !== undefined },
    topicPrefix: topicPrefix ?? DEFAULT_PREFIXES['zeek-osquery'],
    allowQueries: !consoleReadOnly,
  };
}
