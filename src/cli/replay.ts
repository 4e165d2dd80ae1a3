import { stat } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { readLog } from '../event-log/event-log-reader-store.ts';
import { difference, formatDifference } from '../replay/difference.ts';
import { explain, formatExplanation } from '../replay/explain.ts';
import { type Point, parsePoint, parseRange } from '../replay/point.ts';
import { formatTime, printable, printableJson } from '../replay/printable.ts';
import { type Moment, peersOf, type Replayable, stateAt, statesAt, timeline } from '../replay/replay.ts';
import { formatCutOff } from '../replay/trace-reader.ts';
import { formatReplay, replayTrace } from '../replay/trace-replay.ts';
import { EVENT_SCHEMAS, isEventType } from '../schedule/events.ts';
import { render } from '../schedule/render.ts';
import { type Io, printLine } from './io.ts';
import { linesWithProgress, withProgress } from './progress.ts';
import { readTraceFile } from './trace-file.ts';
import { failed } from './usage.ts';

interface ReplayOptions {
  readonly since?: Point;
  readonly type?: readonly string[];
  readonly text?: string;
  readonly until?: Point;
  readonly bro?: string;
  readonly follow?: boolean;
  readonly json?: boolean;
  readonly schedule?: boolean;
  readonly diff?: { readonly from: Point | null; readonly to: Point | null };
  readonly explain?: string;
  readonly trace?: boolean;
}

const HELP = `
Moments: a sequence number (4711), a time (2026-11-24T04:44, UTC) or a time ago (-90m); --diff takes two, 7..-1h.

Exit codes: 0 success; 1 the log or trace is missing or damaged, or (--trace) a machine reached another state.`;

/** `bro-osquery replay`: what happened, in words, out of an event log. */
export function replayCommand(io: Io): Command {
  const point = (text: string): Point => {
    const parsed = parsePoint(text, io.now());
    if (parsed) return parsed;
    throw new InvalidArgumentError(
      'A moment is a sequence number (4711), a time (2026-11-24T04:44, UTC) or a time ago (-90m).',
    );
  };
  const range = (text: string): NonNullable<ReplayOptions['diff']> => {
    const parsed = parseRange(text, io.now());
    if (parsed) return parsed;
    throw new InvalidArgumentError(
      'A range is A..B, each a sequence number, a time or a time ago; one may be left out.',
    );
  };
  return new Command('replay')
    .description('show what happened, from an event log: a copy, or one that is in use')
    .argument('<path>', 'a state directory, a segment, or - for standard input')
    .addOption(new Option('--until <moment>', 'stop after a sequence number or a time').argParser(point))
    .addOption(
      new Option('--since <moment>', 'begin with a sequence number or a time')
        .argParser(point)
        .conflicts(['schedule', 'diff', 'explain']),
    )
    .addOption(
      new Option('--type <fact>', 'only facts of this type (repeatable)')
        .argParser(factType)
        .conflicts(['schedule', 'diff', 'explain']),
    )
    .addOption(
      new Option('--text <text>', 'only what has this text in its words, in capitals or not').conflicts([
        'schedule',
        'diff',
        'explain',
      ]),
    )
    .option('--bro <address>', 'only records about the Zeek with this address, as configured')
    .addOption(
      new Option('--follow', 'follow the log as it is written').conflicts([
        'until',
        'schedule',
        'diff',
        'explain',
      ]),
    )
    .option('--json', 'print one JSON object per line')
    .addOption(
      new Option('--schedule', "osquery's configuration at that moment").conflicts([
        'diff',
        'explain',
        'bro',
      ]),
    )
    .addOption(
      new Option('--diff <A..B>', 'what changed between two moments')
        .argParser(range)
        .conflicts(['until', 'explain', 'bro']),
    )
    .addOption(new Option('--explain <sql-or-name>', 'why a query runs, ran, or does not').conflicts(['bro']))
    .addOption(
      new Option('--trace', 'run the machines again over a trace of `extension --trace`').conflicts([
        'until',
        'since',
        'type',
        'text',
        'bro',
        'follow',
        'schedule',
        'diff',
        'explain',
      ]),
    )
    .addHelpText('after', HELP)
    .action(async (path: string, options: ReplayOptions, command: Command) => {
      if (!options.trace) await replay(io, path, options);
      else if (!(await replayTraceFile(io, path, options.json === true))) {
        failed(command, 'error: a machine reached another state than in the trace', { exitCode: 1 });
      }
    });
}

/** The types of facts that are wanted. */
function factType(text: string, all: readonly string[] = []): readonly string[] {
  if (isEventType(text)) return [...all, text];
  throw new InvalidArgumentError(`The types of facts are ${Object.keys(EVENT_SCHEMAS).sort().join(', ')}.`);
}

/** Whether every machine reached the states of the trace. */
async function replayTraceFile(io: Io, path: string, json: boolean): Promise<boolean> {
  const { size } = await stat(path);
  const result = await replayTrace(linesWithProgress(readTraceFile(path), size, io.err));
  const lines = json ? [printableJson(JSON.stringify(result))] : formatReplay(result);
  for (const line of lines) await printLine(io.out, line);
  if (result.cutOff) await printLine(io.err, formatCutOff(result.cutOff));
  return result.deviation === null;
}

async function replay(io: Io, path: string, options: ReplayOptions): Promise<void> {
  const reading = await readLog(path, {
    stdin: io.in,
    ...(options.follow === true && { follow: io.interrupted }),
  });
  if (reading.base === null) {
    await printLine(io.err, `Earlier records were deleted: the state before the first one is unknown.`);
  }
  const log = options.follow === true ? reading : withProgress(reading, io.err);
  await answer(io, log, options);
  const unfinished = reading.unfinished();
  if (unfinished !== null && options.until === undefined) {
    await printLine(io.err, `Incomplete, as after a crash or during a write: ${unfinished}.`);
  }
}

async function answer(io: Io, log: Replayable, options: ReplayOptions): Promise<void> {
  const until = options.until ?? null;
  if (options.schedule) {
    const { state } = await stateAt(log, until);
    await printLine(io.out, printableJson(JSON.stringify(render(state), null, options.json ? 0 : 2)));
  } else if (options.diff) {
    await printDifference(io, log, options.diff, options.json === true);
  } else if (options.explain !== undefined) {
    const explanation = await explain(log, options.explain, until);
    const lines = options.json
      ? explanation.lives.map((life) => printableJson(JSON.stringify(life)))
      : formatExplanation(explanation, options.explain, formatTime);
    for (const line of lines) await printLine(io.out, line);
  } else {
    await printTimeline(io, log, options);
  }
}

async function printTimeline(io: Io, log: Replayable, options: ReplayOptions): Promise<void> {
  const { until, since, type, text, bro, json } = options;
  const peers = new Set<string>();
  const records = async function* () {
    for await (const record of log.records) {
      for (const peer of peersOf(record)) peers.add(peer);
      yield record;
    }
  };
  const noted = { base: log.base, records: records() };
  let printed = 0;
  const wanted = { until: until ?? null, since: since ?? null, bro: bro ?? null, types: type, text };
  for await (const moment of timeline(noted, wanted)) {
    await printLine(io.out, json ? momentAsJson(moment) : formatMoment(moment));
    printed += 1;
  }
  if (printed > 0) return;
  if (bro === undefined || peers.has(bro)) {
    if ([bro, since, type, text].some((filter) => filter !== undefined)) {
      await printLine(io.err, 'No record is of that kind.');
    }
    return;
  }
  const others = [...peers].sort().map(printable).join(', ');
  await printLine(
    io.err,
    `No record is about the Zeek ${printable(bro)}. ${others === '' ? 'No record is about any Zeek.' : `There are records about: ${others}.`}`,
  );
}

function formatMoment({ record, words }: Moment): string {
  const request = record.cause === null ? '' : `  [request ${record.cause.requestId}]`;
  return `${formatTime(record.time)}  #${record.seq}  ${words}${request}`;
}

function momentAsJson({ record, words }: Moment): string {
  const { seq, time, type, cause, data } = record;
  return printableJson(JSON.stringify({ seq, time: new Date(time).toISOString(), type, cause, data, words }));
}

async function printDifference(
  io: Io,
  log: Replayable,
  { from, to }: NonNullable<ReplayOptions['diff']>,
  asJson: boolean,
): Promise<void> {
  // The log's beginning is before its first record.
  const [before, after] = await statesAt(log, [from ?? { by: 'seq', seq: 0 }, to]);
  if (!before || !after) return;
  const found = difference(before.state, after.state);
  const lines = asJson ? [printableJson(JSON.stringify(found))] : formatDifference(found);
  for (const line of lines) await printLine(io.out, line);
  if (lines.length === 0) await printLine(io.out, 'Nothing changed.');
}
