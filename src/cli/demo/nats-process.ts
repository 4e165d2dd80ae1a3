import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Broadcast } from './broadcast.ts';
import type { Child } from './child.ts';
import type { DemoProcesses } from './demo-processes.ts';

/** A nats-server that the demo runs. */
export interface NatsProcess {
  readonly child: Child;
  readonly port: number;
}

/**
 * The nats-server on the PATH, or where Debian's package or `make setup-nats` puts it.
 * @throws Error if there is none
 */
export function findNatsServer(path: string): string {
  const folders = [...path.split(delimiter), '/usr/sbin', 'node_modules/.nats-server/usr/sbin'];
  const found = folders.map((folder) => join(folder, 'nats-server')).find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new Error('nats-server was not found: make setup-nats installs it, or says what to install');
}

/** Starts it with JetStream, its store in the demo's folder; port -1 is any free one. */
export async function startNatsServer(
  processes: DemoProcesses,
  program: string,
  port: number,
  signal: AbortSignal,
): Promise<NatsProcess> {
  const messages = new Broadcast<string>();
  const store = join(processes.directory, 'jetstream');
  const flags = ['--addr', '127.0.0.1', '--port', String(port), '--jetstream', '--store_dir', store];
  const child = await processes.start('nats-server', [program, ...flags], {
    onError: (line) => messages.add(line),
  });
  const bound = await messages.find(
    (line) => /Listening for client connections on [\d.]+:(\d+)/.exec(line)?.[1],
    signal,
  );
  await messages.find((line) => (line.includes('Server is ready') ? true : undefined), signal);
  return { child, port: Number(bound) };
}
