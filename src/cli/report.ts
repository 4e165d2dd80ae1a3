import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parsePoint } from '../replay/point.ts';
import { counted, printable } from '../replay/printable.ts';
import { reportPage } from '../report/page.ts';
import { reasonOf } from '../text/reason.ts';
import { type Io, printLine } from './io.ts';
import { failed } from './usage.ts';
import { VERSION } from './version.ts';

interface ReportOptions {
  readonly out: string;
  readonly title: string;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly until?: number;
}

/** `bro-osquery report`: a page to read out of Zeek's logs. */
export function reportCommand(io: Io): Command {
  const time = (text: string): number => {
    const point = parsePoint(text, io.now());
    if (point?.by === 'time') return point.time;
    throw new InvalidArgumentError('Give a time, such as 2026-11-28T12:00 or -90m.');
  };
  return new Command('report')
    .description("make one HTML page out of Zeek's logs: hosts, programs, listeners, notices, hops")
    .argument('<folder>', "a folder of Zeek's logs, with those below it, or one log")
    .option('--out <file>', 'the page', 'report.html')
    .option('--title <text>', 'what stands above it', 'Hosts on the network')
    .addOption(
      new Option(
        '--since <time>',
        'leave out what was before: 2026-11-28T12:00 in UTC, or -1d for a day ago',
      ).argParser(time),
    )
    .addOption(new Option('--until <time>', 'leave out what was later').argParser(time))
    .addHelpText('after', '\nExit codes: 0 written; 1 there are no logs, or it could not be written.')
    .action(async (folder: string, options: ReportOptions, command: Command) => {
      try {
        const { since = 0, until = Number.POSITIVE_INFINITY } = options;
        const [{ readLogs }, { reportAssets }, { layOut }] = await Promise.all([
          import('./report/read-logs.ts'),
          import('./report/page-assets.ts'),
          import('./report/lay-out.ts'),
        ]);
        const { facts, read } = await readLogs(folder, { since, until }, () => io.interrupted.aborted);
        for (const problem of read.problems) await printLine(io.err, printable(`warning: ${problem}`));
        if (read.files === 0) throw new Error(`there are no logs of Zeek in ${folder}`);
        const page = await reportPage(facts, {
          title: options.title,
          madeAt: io.now(),
          version: VERSION,
          read,
          assets: await reportAssets(),
          layOut,
        });
        await writeFile(options.out, page);
        const lines = [...facts.lines.values()].reduce((sum, count) => sum + count, 0);
        const text = `${counted(facts.hosts.length, 'host')}, ${counted(lines, 'line')} of ${counted(read.files, 'file')}`;
        await printLine(io.out, printable(`${options.out}: ${text}`));
      } catch (error) {
        failed(command, `error: ${reasonOf(error)}`, { exitCode: 1 });
      }
    });
}
