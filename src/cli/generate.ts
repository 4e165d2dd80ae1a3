import { Command, InvalidArgumentError, Option } from 'commander';
import { PLATFORMS } from '../generate/model.ts';
import { planQuery } from '../generate/plan-query.ts';
import { skeleton } from '../generate/zeek-script.ts';
import { printable } from '../replay/printable.ts';
import { reasonOf } from '../text/reason.ts';
import { describersFor, type TypeOptions } from './generate/describers.ts';
import { generatePacks } from './generate/generate-packs.ts';
import { type Io, printLine } from './io.ts';
import { failed } from './usage.ts';

interface GenerateOptions extends TypeOptions {
  readonly out: string;
  readonly interval: number;
  readonly sql?: string;
  readonly event?: string;
  readonly snapshot?: boolean;
  readonly strict?: boolean;
}

/** `bro-osquery generate`: Zeek scripts out of osquery's packs and Fleet's queries. */
export function generateCommand(io: Io): Command {
  return new Command('generate')
    .description('write Zeek scripts that log the queries of osquery packs, or one for a single query')
    .argument(
      '[pack...]',
      "packs and configuration files of osquery (JSON), Fleet's queries (YAML), or folders of them",
    )
    .option('--out <directory>', 'where the scripts go', 'osquery-packs')
    .addOption(
      new Option('--interval <seconds>', 'between runs of a query whose pack names no interval')
        .argParser(seconds)
        .default(3600),
    )
    .option('--strict', 'exit with 1 if a query was left out')
    .optionsGroup('One query:')
    .addOption(new Option('--sql <statement>', 'print the skeleton of a script for this query'))
    .option('--event <name>', "the event that takes the query's rows, such as Downloads::changed")
    .option('--snapshot', 'take all rows at each run, not only those that are new')
    .optionsGroup('Types of columns (default: those of the tables of osquery 5.23.1, on all platforms):')
    .addOption(
      new Option('--osqueryd <program>', 'run this osqueryd and ask it about its own platform').conflicts(
        'socket',
      ),
    )
    .option(
      '--socket <path>',
      'ask the osqueryd that runs behind this extension socket (--extensions_socket)',
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 written (queries may have been left out, and said so); 1 nothing could be, or with --strict something was left out.',
    )
    .action(async (packs: readonly string[], options: GenerateOptions, command: Command) => {
      if (packs.length > 0 === (options.sql !== undefined)) {
        command.error('error: name packs, or one query with --sql and --event');
      }
      if ((options.sql === undefined) !== (options.event === undefined)) {
        command.error('error: --sql and --event belong together');
      }
      if (options.event !== undefined && !/^([A-Za-z_]\w*::)*[A-Za-z_]\w*$/.test(options.event)) {
        command.error(`error: ${options.event} is no name of an event in Zeek: letters, digits, _ and ::`);
      }
      const types = await describersFor(options).catch((error) =>
        failed(command, `error: cannot ask osqueryd: ${reasonOf(error)}`, { exitCode: 1 }),
      );
      try {
        const { sql, event } = options;
        if (sql !== undefined && event !== undefined) {
          const plan = await planQuery(sql, PLATFORMS, types.describers);
          if (typeof plan === 'string') throw new Error(`osquery refuses the query: ${plan}`);
          const updateType = options.snapshot ? 'SNAPSHOT' : 'BOTH';
          await printLine(
            io.out,
            skeleton(event, plan, { interval: options.interval, updateType }).trimEnd(),
          );
          return;
        }
        const done = await generatePacks(packs, { ...options, types });
        for (const line of done.lines) await printLine(io.out, printable(line));
        for (const line of done.problems) await printLine(io.err, printable(line));
        if (done.written === 0 || (options.strict && done.refused > 0)) process.exitCode = 1;
      } catch (error) {
        failed(command, `error: ${reasonOf(error)}`, { exitCode: 1 });
      } finally {
        await types.stop();
      }
    });
}

function seconds(text: string): number {
  if (/^\d{1,6}$/.test(text) && Number(text) >= 1 && Number(text) <= 604_800) return Number(text);
  throw new InvalidArgumentError('Give whole seconds from 1 to 604800.');
}
