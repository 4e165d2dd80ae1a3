import { text as readAll } from 'node:stream/consumers';
import { Command } from 'commander';
import { FleetDatabase, FleetSqlError } from '../console/fleet-database.ts';
import type { Question } from '../console/model.ts';
import type { ConsoleSession } from '../console/session-client.ts';
import { printable, quoted } from '../replay/printable.ts';
import { painterFor } from './colour.ts';
import { INTERRUPTED, NOT_ASKED, withSession } from './console/options.ts';
import { type Io, printLine } from './io.ts';
import {
  addQueryOptions,
  DEFAULT_EVERY,
  DEFAULT_TIMEOUT,
  type QueryOptions,
  withSaved,
} from './query/command-options.ts';
import { type Format, type Output, type OutputOptions, outputFor } from './query/outputs.ts';
import { audienceOf } from './query/question.ts';
import { type QueryOutcome, runQuery } from './query/run-query.ts';
import { WatchScreen } from './query/run-watch.ts';
import { listSavedQueries, queryFolders, readSavedQuery, SavedQueryError } from './query/saved-queries.ts';
import { exitCodeOf, INCOMPLETE, NO_HOSTS, summaryJson, summaryLines } from './query/summary.ts';
import { failed } from './usage.ts';

/** `bro-osquery query`: asks the hosts of a Zeek, and prints their answers as they come. */
export function queryCommand(io: Io): Command {
  const command = new Command('query')
    .description('ask the hosts of a Zeek that loads osquery/console, and print their answers as they come')
    .argument('[sql]', 'what to ask; @NAME: a saved query; -: from standard input');
  return addQueryOptions(command)
    .addHelpText('after', HELP)
    .action(async (text: string | undefined, parsed: QueryOptions & { readonly then?: string }) => {
      const { then: aggregate, ...others } = parsed;
      const given = { ...others, ...(aggregate !== undefined && { aggregate }) };
      const fail = (message: string) => failed(command, `error: ${message}`, { exitCode: NOT_ASKED });
      try {
        if (given.list) return await printSaved(io, given);
        const { sql, options } = await questionText(io, command, text, given);
        await ask(io, command, sql, options);
      } catch (error) {
        if (error instanceof SavedQueryError) return fail(error.message);
        if (error instanceof FleetSqlError) return fail(`SQL of this console: ${printable(error.message)}`);
        throw error;
      }
    });
}

const HELP = `
Rows go to standard output, the bar and what became of it to standard error. Delivery is at least once: a row that comes
twice is printed once. Ctrl-C ends the query at the Zeek and on its hosts; so does the end of this program, however it
comes.

A saved query is a file NAME.sql that begins with comments: "-- key: value" for host, group, subnet, where, timeout,
first, then, every, update; all other comments describe it.

Exit codes: 0 all hosts that were asked have answered, or --first rows have come; ${NOT_ASKED} nothing was asked (the Zeek
can't be reached, refuses it, or the command line is wrong); ${INCOMPLETE} some hosts refused, were not there, or did not
answer in time; ${NO_HOSTS} there is no such host; ${INTERRUPTED} Ctrl-C.`;

async function questionText(
  io: Io,
  command: Command,
  text: string | undefined,
  options: QueryOptions,
): Promise<{ readonly sql: string; readonly options: QueryOptions }> {
  if (text === undefined) command.error('error: name what to ask: SQL, or @NAME of a saved query');
  if (text.startsWith('@')) {
    const saved = await readSavedQuery(text.slice(1), queryFolders(options.queries, io.env));
    return { sql: saved.sql, options: withSaved(options, saved) };
  }
  const sql = (text === '-' ? await readAll(io.in) : text).trim().replace(/;$/, '');
  if (sql === '') command.error('error: the query is empty');
  return { sql, options };
}

async function ask(io: Io, command: Command, sql: string, options: QueryOptions): Promise<void> {
  const format = formatOf(io, options);
  if (options.aggregate !== undefined) checkAggregate(options.aggregate);
  const outcome = await withSession(io, command, options, async (session) => {
    const question = await questionOf(session, sql, options);
    if (!question) return undefined;
    const output = outputOf(io, sql, options, format);
    const quiet = options.quiet === true || output instanceof WatchScreen;
    const run = await runQuery(io, session, { question, output, first: options.first, quiet });
    const { answers, end, seconds } = run;
    for (const line of output.end(summaryJson(answers, end, sql, seconds))) await printLine(io.out, line);
    return run;
  });
  if (!outcome)
    failed(command, 'no connected host meets that', { exitCode: NO_HOSTS, code: 'query.no-hosts' });
  await conclude(io, command, outcome, options);
}

async function conclude(
  io: Io,
  command: Command,
  { answers, end, seconds }: QueryOutcome,
  { quiet }: QueryOptions,
): Promise<void> {
  const lines = summaryLines(answers, end, seconds);
  const exitCode = exitCodeOf(answers.counts, end);
  if (!quiet) for (const line of lines.slice(0, -1)) await printLine(io.err, line);
  const last = lines.at(-1) ?? '';
  if (exitCode !== 0) failed(command, quiet ? '' : last, { exitCode, code: 'query.incomplete' });
  if (!quiet) await printLine(io.err, last);
}

async function questionOf(
  session: ConsoleSession,
  sql: string,
  options: QueryOptions,
): Promise<Question | undefined> {
  const { host = [], group = [], subnet = [], where, every, watch, update = 'BOTH', maxRows = 0 } = options;
  const audience = await audienceOf(session, { host, group, subnet, where });
  return (
    audience && {
      ...audience,
      sql,
      interval: every ?? (watch ? DEFAULT_EVERY : 0),
      updateType: watch ? 'BOTH' : update,
      timeout: (options.timeout ?? DEFAULT_TIMEOUT) * 1_000,
      maxRows,
    }
  );
}

function formatOf(io: Io, { format, json, csv, ndjson }: QueryOptions): Format {
  if (json) return 'json';
  if (csv) return 'csv';
  if (ndjson) return 'ndjson';
  if (format !== 'auto') return format;
  return io.out.isTTY === true ? 'table' : 'ndjson';
}

function outputOf(io: Io, sql: string, options: QueryOptions, format: Format): Output {
  const { aggregate, every, watch, rawCsv = false } = options;
  const output: OutputOptions = {
    ...{ format, aggregate, rawCsv },
    width: () => io.out.columns ?? 100,
    paint: painterFor(io.out, io.env),
  };
  // Without a terminal there is nothing to write over: what comes and goes is printed.
  if (watch && io.out.isTTY === true)
    return new WatchScreen(io, { ...output, sql, every: every ?? DEFAULT_EVERY });
  return outputFor(output);
}

/** Finds mistakes that need no rows to be found before hosts are asked. @throws FleetSqlError */
function checkAggregate(sql: string): void {
  const database = new FleetDatabase();
  try {
    database.select(sql);
  } catch (error) {
    if (!(error instanceof FleetSqlError)) throw error;
    // Columns are known once rows have come.
    if (!/no such column/.test(error.message)) throw error;
  } finally {
    database.close();
  }
}

async function printSaved(io: Io, { queries }: QueryOptions): Promise<void> {
  const folders = queryFolders(queries, io.env);
  const saved = await listSavedQueries(folders);
  for (const { name, description, sql } of saved) {
    await printLine(io.out, `@${name}  ${printable(description)}`.trimEnd());
    await printLine(io.out, `    ${quoted(sql, 100)}`);
  }
  if (saved.length === 0) await printLine(io.err, `no saved queries in ${folders.join(' or ')}`);
}
