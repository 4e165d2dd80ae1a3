import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { DEFAULT_GATEWAY_STATE_DIRECTORY } from '../gateway/settings.ts';
import { printableJson } from '../replay/printable.ts';
import { seconds } from './bro/arguments.ts';
import { statusSocket } from './extension/observation/status-report.ts';
import { gatewayStatusLines } from './gateway/gateway-status.ts';
import { type Io, printLine } from './io.ts';
import { LAYOUT } from './layout.ts';
import { formatStatus } from './status/format.ts';
import { formatStoredState, readStoredState } from './status/state-directory.ts';
import { fetchStatus, StatusError } from './status/status-client.ts';
import { failed } from './usage.ts';

interface StatusOptions {
  readonly stateDir: string;
  readonly socket?: string;
  readonly gateway?: boolean;
  readonly json?: boolean;
  readonly watch?: number;
}

/** Seconds between two looks of --watch. */
const WATCH_INTERVAL = 2;

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
    .addOption(
      new Option(
        '--watch [seconds]',
        `print it repeatedly, by default every ${WATCH_INTERVAL} s, until Ctrl-C`,
      )
        .argParser(seconds)
        .preset(`${WATCH_INTERVAL}`),
    )
    .addHelpText(
      'after',
      `\nExit codes: 0 running; ${NOT_RUNNING} no extension is running with that state directory (its contents are shown).`,
    )
    .action(async ({ stateDir, socket, gateway, json = false, watch }: StatusOptions, command: Command) => {
      if (watch !== undefined) {
        const look = gateway
          ? gatewayLook(command, { stateDir, ...(socket !== undefined && { socket }) }, json, io)
          : async () => extensionLines(socket ?? statusSocket(stateDir), json);
        await watchStatus(io, look, watch * 1_000);
        return;
      }
      if (gateway) {
        await printGatewayStatus(io, command, { stateDir, ...(socket !== undefined && { socket }) }, json);
        return;
      }
      try {
        for (const line of await extensionLines(socket ?? statusSocket(stateDir), json)) {
          await printLine(io.out, line);
        }
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        if (error.code !== 'nobody') failed(command, `error: ${error.message}`, { exitCode: 1 });
        if (socket === undefined) {
          const remains = await readStoredState(stateDir);
          const lines = json
            ? [printableJson(JSON.stringify({ running: false, ...remains }))]
            : formatStoredState(remains);
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

async function extensionLines(socket: string, json: boolean): Promise<readonly string[]> {
  const report = await fetchStatus(socket);
  return json ? [printableJson(JSON.stringify(report))] : formatStatus(report);
}

/** Prints what each look gives until the user has had enough: on a terminal in place of what the last one gave. */
async function watchStatus(io: Io, look: () => Promise<readonly string[]>, interval: number): Promise<void> {
  while (!io.interrupted.aborted) {
    const lines = await look().catch((error: unknown) => {
      // It may not have begun yet, or may come back.
      if (error instanceof StatusError) return [error.message];
      throw error;
    });
    if (io.out.isTTY) io.out.write(CLEAR);
    for (const line of lines) await printLine(io.out, line);
    await sleep(interval, undefined, { signal: io.interrupted }).catch(() => {});
  }
}

/** Cursor home, and all behind it erased. */
const CLEAR = '\u001b[H\u001b[J';

interface GatewayPlace {
  readonly stateDir: string;
  readonly socket?: string;
}

function gatewayLook(command: Command, at: GatewayPlace, json: boolean, io: Io) {
  const stateDir = gatewayDirectory(command, at);
  return () => gatewayStatusLines({ ...at, stateDir }, json, io.now());
}

function gatewayDirectory(command: Command, { stateDir }: GatewayPlace): string {
  const isDefault = command.getOptionValueSource('stateDir') === 'default';
  return isDefault ? DEFAULT_GATEWAY_STATE_DIRECTORY : stateDir;
}

async function printGatewayStatus(io: Io, command: Command, at: GatewayPlace, json: boolean): Promise<void> {
  try {
    const lines = await gatewayLook(command, at, json, io)();
    for (const line of lines) await printLine(io.out, line);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const { code, message } = error;
    if (code !== 'nobody') failed(command, `error: ${message}`, { exitCode: 1 });
    failed(command, `no gateway runs over ${at.socket ?? gatewayDirectory(command, at)}: ${message}`, {
      exitCode: NOT_RUNNING,
    });
  }
}
