import { Command } from 'commander';
import { DEFAULT_GATEWAY_STATE_DIRECTORY } from '../gateway/settings.ts';
import { printableJson } from '../replay/printable.ts';
import { statusSocket } from './extension/observation/status-report.ts';
import { gatewayStatusLines } from './gateway/gateway-status.ts';
import { type Io, printLine } from './io.ts';
import { LAYOUT } from './layout.ts';
import { formatStatus } from './status/format.ts';
import { formatRemains, lookAtRemains } from './status/state-directory.ts';
import { fetchStatus, StatusError } from './status/status-client.ts';
import { failed } from './usage.ts';

interface StatusOptions {
  readonly stateDir: string;
  readonly socket?: string;
  readonly gateway?: boolean;
  readonly json?: boolean;
}

/** No extension runs over that state directory. */
const NOT_RUNNING = 3;

/** `bro-osquery status`: how a running extension is doing, or what one left behind. */
export function statusCommand(io: Io): Command {
  return new Command('status')
    .description('show the status of the running extension: osquery, each Zeek, and row counters')
    .option('--state-dir <directory>', "the extension's state directory", LAYOUT.state)
    .option('--socket <path>', "its status socket, if not the state directory's")
    .option('--gateway', "a gateway's; its state directory is another one by default")
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `\nExit codes: 0 running; ${NOT_RUNNING} no extension is running with that state directory (its contents are shown).`,
    )
    .action(async ({ stateDir, socket, gateway, json = false }: StatusOptions, command: Command) => {
      if (gateway) {
        await printGatewayStatus(io, command, { stateDir, ...(socket !== undefined && { socket }) }, json);
        return;
      }
      try {
        const report = await fetchStatus(socket ?? statusSocket(stateDir));
        const lines = json ? [printableJson(JSON.stringify(report))] : formatStatus(report);
        for (const line of lines) await printLine(io.out, line);
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        if (error.code !== 'nobody') failed(command, `error: ${error.message}`, { exitCode: 1 });
        if (socket === undefined) {
          const remains = await lookAtRemains(stateDir);
          const lines = json
            ? [printableJson(JSON.stringify({ running: false, ...remains }))]
            : formatRemains(remains);
          for (const line of lines) await printLine(io.out, line);
        }
        failed(
          command,
          `no extension is running with ${socket ?? stateDir}, or it has not found osqueryd yet: ${error.message}`,
          { exitCode: NOT_RUNNING },
        );
      }
    });
}

async function printGatewayStatus(
  io: Io,
  command: Command,
  at: { readonly stateDir: string; readonly socket?: string },
  json: boolean,
): Promise<void> {
  const isDefault = command.getOptionValueSource('stateDir') === 'default';
  const stateDir = isDefault ? DEFAULT_GATEWAY_STATE_DIRECTORY : at.stateDir;
  try {
    const lines = await gatewayStatusLines({ ...at, stateDir }, json, io.now());
    for (const line of lines) await printLine(io.out, line);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const { code, message } = error;
    if (code !== 'nobody') failed(command, `error: ${message}`, { exitCode: 1 });
    failed(command, `no gateway runs over ${at.socket ?? stateDir}: ${message}`, { exitCode: NOT_RUNNING });
  }
}
