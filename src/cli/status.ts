import { createConnection } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { DEFAULT_STATE_DIRECTORY } from '../config/settings.ts';
import type { Account } from '../delivery/accounting.ts';
import type { StatusReport } from './extension/status-report.ts';
import { STATUS_SOCKET } from './extension/status-server.ts';
import { type Io, printLine } from './io.ts';

/** No extension runs over that state directory. */
const NOT_RUNNING = 3;

/** `bro-osquery status`: how a running extension is doing. */
export function statusCommand(io: Io): Command {
  return new Command('status')
    .description('tell how the running extension is doing: osquery, each Zeek, and where the rows are')
    .option('--state-dir <directory>', "the extension's state directory", DEFAULT_STATE_DIRECTORY)
    .option('--json', 'as one JSON object, for programs')
    .addHelpText('after', '\nExit codes: 0 it runs; 3 no extension runs over that state directory.')
    .action(async (options: { stateDir: string; json?: boolean }, command: Command) => {
      const answer = await ask(join(options.stateDir, STATUS_SOCKET));
      if ('problem' in answer) {
        command.error(
          `no extension runs over ${options.stateDir}: ${answer.problem}; what happened tells \`bro-osquery replay ${options.stateDir}\``,
          { exitCode: NOT_RUNNING },
        );
        return;
      }
      const lines = options.json ? [JSON.stringify(answer)] : inWords(answer);
      for (const line of lines) await printLine(io.out, line);
    });
}

async function ask(path: string): Promise<StatusReport | { readonly problem: string }> {
  try {
    const socket = createConnection(path);
    socket.setTimeout(5_000, () => socket.destroy(new Error('it does not answer')));
    return JSON.parse(await text(socket));
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function inWords(report: StatusReport): string[] {
  const { version, pid, osquery, bros, delivery, journal, eventLog, logger, at } = report;
  return [
    `bro-osquery ${version}, process ${pid}`,
    `osquery    ${osquery.state}${osquery.reason === '' ? '' : `: ${osquery.reason}`}`,
    `logger     ${logger.calls} calls, ${logger.bytes} bytes${logger.lost === 0 ? '' : `, ${logger.lost} calls LOST`}`,
    `journal    ${journal.bytes} of ${journal.maxBytes} bytes`,
    `event log  ${eventLog.records} records${eventLog.trouble === '' ? '' : `, takes nothing: ${eventLog.trouble}`}`,
    ...(bros.length === 0 ? ['', 'No Zeek is configured.'] : []),
    ...bros.flatMap((bro) => [
      '',
      `${bro.peer}  ${bro.state}${bro.transport === '' ? '' : ` (${bro.transport})`}${sinceWhen(bro.since, at)}`,
      ...(bro.lastError === '' ? [] : [`  last error: ${bro.lastError}`]),
      `  ${bro.subscriptions} subscriptions`,
      ...accountLines(delivery.filter((account) => account.peer === bro.peer)),
    ]),
  ];
}

function sinceWhen(since: number | null, at: number): string {
  return since === null ? '' : ` for ${Math.max(0, Math.round((at - since) / 1_000))} s`;
}

const COLUMNS = ['taken', 'sent', 'resent', 'confirmed', 'skipped', 'dropped', 'refused', 'pending'] as const;

/** The table of rows by query; in each line taken = confirmed + skipped + dropped + refused + pending. */
function accountLines(accounts: readonly Account[]): string[] {
  if (accounts.length === 0) return [];
  const cells = accounts.map((account) => [
    account.name === '' ? '(ended)' : account.name,
    ...COLUMNS.map((column) =>
      String(
        column === 'skipped'
          ? Object.values(account.skipped).reduce((sum, rows) => sum + rows, 0)
          : account[column],
      ),
    ),
  ]);
  const table = [['rows of', ...COLUMNS], ...cells];
  const widths = COLUMNS.map((_, at) => Math.max(...table.map((row) => (row[at + 1] ?? '').length)));
  const first = Math.max(...table.map(([name = '']) => name.length));
  return table.map(
    ([name = '', ...counts]) =>
      `  ${name.padEnd(first)}  ${counts.map((count, at) => count.padStart(widths[at] ?? 0)).join('  ')}`,
  );
}
