import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Broadcast } from './broadcast.ts';
import type { Child } from './child.ts';
import type { Troupe } from './troupe.ts';

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
  throw new Error('there is no nats-server here: make setup-nats gets one, or says what to install');
}

/** Starts it with JetStream, its store in the troupe's folder; port -1 is any free one. */
export async function startNatsServer(
  troupe: Troupe,
  program: string,
  port: number,
  signal: AbortSignal,
): Promise<NatsProcess> {
  const words = new Broadcast<string>();
  const store = join(troupe.directory, 'jetstream');
  const flags = ['--addr', '127.0.0.1', '--port', String(port), '--jetstream', '--store_dir', store];
  const child = await troupe.start('nats-server', [program, ...flags], {
    onError: (line) => words.add(line),
  });
  const bound = await words.find(
    (line) => /Listening for client connections on [\d.]+:(\d+)/.exec(line)?.[1],
    signal,
  );
  await words.find((line) => (line.includes('Server is ready') ? true : undefined), signal);
  return { child, port: Number(bound) };
}
