import { createConnection } from 'node:net';
import { Command } from 'commander';
import { RELOAD, RELOADING, reloadSocket } from './extension/observation/reload-server.ts';
import { type Io, printLine } from './io.ts';
import { LAYOUT } from './layout.ts';
import { failed } from './usage.ts';

/** Milliseconds until the extension has answered. */
const PATIENCE = 5_000;
/** No extension runs over that state directory, as `status` has it. */
const NOT_RUNNING = 3;

/** `bro-osquery reload`: has the running extension read its configuration at once. */
export function reloadCommand(io: Io): Command {
  return new Command('reload')
    .description('have the running extension read its configuration now, as on SIGHUP')
    .option('--state-dir <directory>', "the extension's state directory", LAYOUT.state)
    .addHelpText(
      'after',
      `\nExit codes: 0 it reads; ${NOT_RUNNING} no extension runs over that state directory.`,
    )
    .action(async ({ stateDir }: { readonly stateDir: string }, command: Command) => {
      const path = reloadSocket(stateDir);
      try {
        await ask(path);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        failed(command, `no extension over ${stateDir} can be asked: ${why}`, { exitCode: NOT_RUNNING });
      }
      await printLine(io.out, 'The extension reads its configuration; its log says what came of it.');
    });
}

function ask(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    let heard = '';
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error(`${path} said nothing`)));
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => {
      if (heard === RELOADING) resolve();
      else reject(new Error(`${path} did not take it`));
    });
    socket.write(RELOAD);
  });
}
