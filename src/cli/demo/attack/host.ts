import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXTENSION_NAME, PLUGIN_NAME } from '../../../osquery/registration.ts';
import type { Child } from '../child.ts';
import type { DemoProcesses } from '../demo-processes.ts';
import { type FoundOsqueryd, ourselves } from '../programs.ts';
import type { Machine } from './lab.ts';

/** A machine with osqueryd and the extension. */
export interface Host {
  readonly machine: Machine;
  readonly children: readonly Child[];
}

/** Starts osqueryd on a machine, and the extension beside it, which connects to the Zeek at that address. */
export async function startHost(
  processes: DemoProcesses,
  machine: Machine,
  { command }: FoundOsqueryd,
  { endpoint }: { readonly endpoint: string },
): Promise<Host> {
  const folder = join(processes.directory, machine.name);
  mkdirSync(folder);
  const config = join(folder, 'osquery.conf');
  const bro = { bro_endpoint: endpoint, groups: ['servers'], uid: machine.name };
  writeFileSync(config, JSON.stringify({ bro }));
  const socket = join(folder, 'osquery.em');
  const flags = {
    extensions_socket: socket,
    extensions_autoload: join(folder, 'none'),
    extensions_require: EXTENSION_NAME,
    extensions_timeout: 20,
    config_path: config,
    logger_plugin: `${PLUGIN_NAME},filesystem`,
    logger_path: folder,
    logger_event_type: false,
    pidfile: join(folder, 'osqueryd.pid'),
    ephemeral: true,
    disable_database: true,
    disable_events: true,
    disable_watchdog: true,
  };
  const osqueryd = await processes.start(
    `${machine.name}: osqueryd`,
    machine.within([...command, ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)]),
  );
  const extension = await processes.start(
    `${machine.name}: bro-osquery extension`,
    machine.within([...ourselves(), 'extension', '--socket', socket, '--state-dir', join(folder, 'state')]),
  );
  return { machine, children: [osqueryd, extension] };
}
