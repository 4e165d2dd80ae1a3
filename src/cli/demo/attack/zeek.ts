import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Broadcast } from '../broadcast.ts';
import type { DemoProcesses } from '../demo-processes.ts';
import type { FoundZeek } from '../programs.ts';
import { zeekPackage } from '../zeek-package.ts';
import type { LabNotice } from './expected.ts';
import type { Lab } from './lab.ts';
import { attackScript, CONFIG } from './zeek-script.ts';

/** The port of Zeek, in a network that nobody else is in. */
const PORT = 9999;

interface LabMessage {
  readonly type: string;
  readonly host?: string;
}

/** The Zeek of the lab. */
export interface LabZeek {
  /** Where hosts connect to. */
  readonly endpoint: string;
  readonly messages: Broadcast<LabMessage>;
  readonly notices: Broadcast<LabNotice>;
  /** Changes options while it runs, by Zeek's configuration framework. */
  readonly configure: (lines: string) => void;
}

export interface LabZeekOptions {
  readonly address: string;
  /** The folder that it writes its logs to; undefined: that of its scripts. */
  readonly logs: string | undefined;
  readonly signal: AbortSignal;
}

/** Starts a Zeek with this version's package, which listens for hosts and to all traffic of the lab. */
export async function startLabZeek(
  processes: DemoProcesses,
  lab: Lab,
  { program }: FoundZeek,
  { address, logs, signal }: LabZeekOptions,
): Promise<LabZeek> {
  const scripts = join(processes.directory, 'zeek');
  const folder = logs === undefined ? scripts : resolve(logs);
  mkdirSync(folder, { recursive: true });
  for (const [path, script] of Object.entries(await zeekPackage())) put(join(scripts, path), script);
  const config = join(scripts, CONFIG);
  put(config, '# Options that are changed at run time.\n');
  put(join(scripts, 'attack.zeek'), attackScript({ address, port: PORT, config, exempt: [address] }));
  const messages = new Broadcast<LabMessage>();
  const notices = new Broadcast<LabNotice>();
  const zeek = [program, '-C', '-i', lab.interface, join(scripts, 'attack.zeek')];
  await processes.start('zeek', lab.atSwitch(['sh', '-c', 'cd "$0" && exec "$@"', folder, ...zeek]), {
    onOutput: (line) => {
      if (!line.startsWith('{')) return;
      const said = JSON.parse(line);
      if (said.type === 'notice') notices.add(said);
      else messages.add(said);
    },
  });
  await messages.find(({ type }) => (type === 'listening' ? true : undefined), signal);
  return {
    endpoint: `${address}:${PORT}`,
    messages,
    notices,
    configure: (lines) => appendFileSync(config, lines),
  };
}

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
