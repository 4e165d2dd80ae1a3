import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { disk } from '../event-log/disk-store.ts';
import { EventLogError } from '../event-log/event-log-error.ts';
import { LOG_FOLDER, logFiles } from '../event-log/files.ts';
import { planRepair, type RepairPlan, repairLog } from '../event-log/repair-store.ts';
import { listLog } from '../event-log/scan-store.ts';
import { type Verification, verifyLog } from '../event-log/verify-store.ts';
import { counted, printable, printableJson } from '../replay/printable.ts';
import { type Io, printLine } from './io.ts';

/** `bro-osquery log`: looks after an event log that is damaged, or that might be. */
export function logCommand(io: Io): Command {
  const log = new Command('log').description('verify or repair an event log');
  log
    .command('verify')
    .description('check every byte of an event log for damage; changes nothing')
    .argument('<path>', "a state directory, or the event log's own directory")
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExit codes: 0 undamaged; 1 damaged, or not found.')
    .action(async (path: string, options: { readonly json?: boolean }) => {
      const verification = await verifyLog(await logDirectory(path));
      const lines = options.json ? [verificationAsJson(verification)] : formatVerification(verification);
      for (const line of lines) await printLine(io.out, line);
      if (verification.problems.length > 0) {
        throw new EventLogError('bad-record', `the event log in ${path} is damaged, see above`);
      }
    });
  log
    .command('repair')
    .description('truncate an event log after a record, keeping a copy of every changed file')
    .argument('<path>', "a state directory, or the event log's own directory")
    .requiredOption('--until <seq>', 'the last record to keep; log verify names the last undamaged one', seq)
    .option('--dry-run', 'say what would be cut off and removed, and change nothing')
    .addHelpText(
      'after',
      '\nStop the extension first: a log has one writer.\n\nExit codes: 0 success; 1 failure.',
    )
    .action(
      async (path: string, { until, dryRun }: { readonly until: number; readonly dryRun?: boolean }) => {
        const directory = await logDirectory(path);
        if (dryRun) {
          for (const line of formatPlan(await planRepair(directory, until), until))
            await printLine(io.out, line);
          return;
        }
        const repair = await repairLog(directory, until, { logId: io.randomId(), now: io.now() });
        await printLine(io.out, `Kept the records up to ${repair.until}.`);
        await printLine(
          io.out,
          `Changed ${repair.changed.join(', ')}; the originals are in ${repair.copies}`,
        );
      },
    );
  return log;
}

function formatPlan({ shortened, removed }: RepairPlan, until: number): string[] {
  const cut = shortened.bytes - shortened.end;
  return [
    `Would keep the records up to ${until}.`,
    cut === 0
      ? `Would leave ${shortened.name} as it is.`
      : `Would cut ${cut} of ${shortened.bytes} bytes off ${shortened.name}.`,
    ...removed.map(({ name, bytes }) => `Would remove ${name}, ${bytes} bytes.`),
    'Nothing was changed. A repair keeps a copy of each of these files.',
  ];
}

function seq(text: string): number {
  if (/^\d{1,15}$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError('A record is named by its sequence number, from 1 on.');
}

/** The log's own directory, given that or the state directory around it. */
async function logDirectory(path: string): Promise<string> {
  const names = await listLog(disk, path);
  const directory = names.includes(LOG_FOLDER) ? join(path, LOG_FOLDER) : path;
  const { segments } = logFiles(await listLog(disk, directory));
  if (segments.length > 0) return directory;
  throw new EventLogError(
    'not-found',
    `there is no event log in ${path}: neither segments nor ${LOG_FOLDER}/`,
  );
}

function formatVerification(verification: Verification): string[] {
  const { segments, snapshots, problems, tornBytes, unknownTypes, wholeUntil } = verification;
  return [
    ...segments.map(({ name, bytes, first, last }) =>
      first === null ? `${name}  ${bytes} bytes` : `${name}  ${bytes} bytes  records ${first} to ${last}`,
    ),
    `${counted(snapshots.length, 'snapshot')}`,
    ...Object.entries(unknownTypes).map(
      ([type, count]) =>
        `${counted(count, 'record')} of type ${printable(type)}, which this version doesn't know`,
    ),
    ...(tornBytes === 0
      ? []
      : [
          `${tornBytes} bytes at the end are an incomplete decision, as after a crash; they are removed at the next start`,
        ]),
    ...problems.map(({ message }) => `damaged: ${printable(message)}`),
    problems.length === 0
      ? `Undamaged, up to record ${wholeUntil}.`
      : `Undamaged up to record ${wholeUntil}.`,
  ];
}

function verificationAsJson({ problems, ...rest }: Verification): string {
  const found = problems.map(({ code, message, place }) => ({ code, message, place }));
  return printableJson(JSON.stringify({ ...rest, problems: found }));
}
