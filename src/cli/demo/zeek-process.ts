import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { Broadcast } from './broadcast.ts';
import type { ShownRow } from './demo-output.ts';
import type { BroMessage, BroProcess, DemoProcesses } from './demo-processes.ts';
import type { FoundZeek } from './programs.ts';
import { zeekPackage } from './zeek-package.ts';
import { zeekScript } from './zeek-script.ts';

/** Starts a real Zeek with this version's package in the demo's folder, which listens, subscribes, and tells of its rows. */
export async function startZeek(
  processes: DemoProcesses,
  { program }: FoundZeek,
  queries: { readonly subscription: string; readonly oneTime: string },
): Promise<BroProcess> {
  const folder = join(processes.directory, 'zeek');
  for (const [path, script] of Object.entries(await zeekPackage())) put(join(folder, path), script);
  const leave = join(folder, 'leave');
  const demo = zeekScript({ port: await freePort(), leave, ...queries });
  put(join(folder, 'demo.zeek'), demo);
  const messages = new Broadcast<BroMessage>();
  const rows = new Broadcast<ShownRow>();
  // Zeek writes its logs where it is started.
  const command = ['sh', '-c', 'cd "$0" && exec "$@"', folder, program, './demo.zeek'];
  const child = await processes.start('zeek', command, {
    onOutput: (line) => {
      if (!line.startsWith('{')) return;
      const said = JSON.parse(line);
      if ('type' in said) messages.add(said);
      else rows.add(said);
    },
  });
  return {
    child,
    messages,
    rows,
    async unsubscribe(signal) {
      writeFileSync(leave, '');
      await messages.find(({ type }) => (type === 'unsubscribed' ? true : undefined), signal);
    },
  };
}

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Zeek takes no "any that is free". */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
