import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { createManagerClient, type ManagerClient } from '../osquery/manager-client.ts';
import { isUnreachable } from '../osquery/osquery-error.ts';
import type { Row } from '../osquery/row.ts';
import { createDemoOutput, type ShownRow } from './demo/demo-output.ts';
import { type BroProcess, GROUP } from './demo/demo-processes.ts';
import { type FoundOsqueryd, findOsqueryd, findZeek } from './demo/programs.ts';
import { type DemoContext, runDemo } from './demo/run-demo.ts';
import { startZeek } from './demo/zeek-process.ts';
import type { Io } from './io.ts';
import { failed } from './usage.ts';

/** Seconds that the whole demo may take. */
const PATIENCE = 60;
/** Milliseconds between two looks at osquery's schedule. */
const LOOK_AGAIN = 200;
/** Rows of the first run that are shown. */
const SHOWN_ROWS = 5;

const SUBSCRIPTION = 'SELECT pid, name, path, uid FROM processes';
const ONE_TIME = 'SELECT name, version, platform FROM os_version';

/** `bro-osquery demo`: the whole way from a Zeek to osquery and back, with rows of this very host. */
export function demoCommand(io: Io): Command {
  const command = new Command('demo')
    .description('show the complete data path: a subscription reaches osquery and its rows come back')
    .addOption(
      new Option('--patience <seconds>', 'give up after this much time').argParser(seconds).default(PATIENCE),
    );
  return command.action(async ({ patience }: { readonly patience: number }) => {
    const colours = io.out.isTTY === true && !process.env['NO_COLOR'];
    const output = createDemoOutput(io.out, colours);
    const failure = await runDemo(output, script, { patience, interrupted: io.interrupted });
    if (failure !== undefined) failed(command, `error: the demo failed: ${failure}`, { exitCode: 1 });
  });
}

async function script(context: DemoContext): Promise<void> {
  const { output, signal } = context;
  const osqueryd = findOsqueryd(process.env);

  const bro = await startZeekOrBro(context);
  const port = await bro.messages.find(({ type, port }) => (type === 'listening' ? port : undefined), signal);
  output.line(`It listens on 127.0.0.1:${port} and requests of every host that connects`);
  output.line(`  every second: ${SUBSCRIPTION}`);
  output.line(`  once:         ${ONE_TIME}`);

  output.step('osqueryd starts, and the extension registers with it');
  const client = await startHost(context, osqueryd, port);
  try {
    await announcement(context, bro);
    await subscription(context, bro, client);
    await oneTimeQuery(context, bro);
    await firstRun(context, bro);
    await processComesAndGoes(context, bro);
    await unsubscribing(context, bro, client);
  } finally {
    client.close();
  }
  output.success('Every step succeeded: from a Zeek to osquery and back.');
}

/** A real Zeek where there is one, else `bro-osquery bro`. */
function startZeekOrBro({ output, processes }: DemoContext): Promise<BroProcess> {
  const zeek = findZeek(process.env);
  if (!zeek) {
    output.step('`bro-osquery bro` listens in place of a Zeek');
    return processes.startBro(['--interval', '1', '--subscribe', SUBSCRIPTION, '--execute', ONE_TIME]);
  }
  output.step("A Zeek listens, with this version's package");
  output.line(`It is ${zeek.description}.`);
  return startZeek(processes, zeek, { subscription: SUBSCRIPTION, oneTime: ONE_TIME });
}

async function startHost(
  { output, processes, signal }: DemoContext,
  osqueryd: FoundOsqueryd,
  port: number,
): Promise<ManagerClient> {
  output.line(`osqueryd is ${osqueryd.description}.`);
  await processes.startOsqueryd(osqueryd, port);
  await processes.startExtension();
  const client = createManagerClient({ path: processes.socket });
  const version = await until(signal, async () => {
    const [row] = await client.query('SELECT version FROM osquery_info');
    return row?.['version'];
  });
  const is = osqueryd.standIn ? 'It behaves like' : 'It is';
  output.line(
    `${is} osquery ${version}; its configuration names the Zeek to connect to, and the group ${GROUP}.`,
  );
  return client;
}

async function announcement({ output, signal }: DemoContext, bro: BroProcess): Promise<void> {
  output.step('The host announces itself to the Zeek');
  const transport = await bro.messages.find(
    ({ type, remote }) => (type === 'connected' ? remote?.transport : undefined),
    signal,
  );
  const host = await bro.messages.find(({ type, host }) => {
    const announced = type === 'announced' ? asHost(host) : undefined;
    // A host that was connected before it had read its configuration announces itself again.
    return announced?.groups.includes(GROUP) ? announced : undefined;
  }, signal);
  const how = transport === 'tls-anonymous' ? ', over the TLS that Zeek uses by default' : '';
  output.line(`Host ${host.id} is connected${how}; its groups: ${host.groups.join(', ')}.`);
}

async function subscription(
  { output, signal }: DemoContext,
  bro: BroProcess,
  client: ManagerClient,
): Promise<void> {
  output.step("The subscription is in osquery's schedule");
  await bro.messages.find(({ type }) => (type === 'requested' ? true : undefined), signal);
  const refusal = bro.messages.heard.find(({ type }) => type === 'notice');
  if (refusal) throw new Error(`the host refused it: ${refusal.text}`);
  const entries = await until(signal, async () => {
    const rows = await schedule(client);
    return rows.length > 0 ? rows : undefined;
  });
  output.detail('SELECT name, interval, query FROM osquery_schedule');
  for (const { name, interval, query } of entries) output.line(`${name}  every ${interval} s  ${query}`);
  if (!entries.some(({ query }) => query === SUBSCRIPTION))
    throw new Error('the subscription is not in the schedule');
}

async function oneTimeQuery({ output, signal }: DemoContext, bro: BroProcess): Promise<void> {
  output.step('The one-time query is answered');
  output.row(await bro.rows.find((row) => (isOf(row, 2) ? row : undefined), signal));
}

async function firstRun({ output, signal }: DemoContext, bro: BroProcess): Promise<void> {
  output.step('The rows of the first run arrive: all processes');
  // This very process is certainly there; osquery reports the rows of a run together.
  await bro.rows.find((row) => (isOf(row, 1) && pidOf(row) === process.pid ? row : undefined), signal);
  const rows = bro.rows.heard.filter((row) => isOf(row, 1));
  // The kernel's own threads, which have no path, are many and dull.
  for (const row of rows.filter(hasPath).slice(0, SHOWN_ROWS)) output.row(row);
  if (rows.length > SHOWN_ROWS) output.detail(`and ${rows.length - SHOWN_ROWS} more`);
}

async function processComesAndGoes(
  { output, processes, signal, mayEnd }: DemoContext,
  bro: BroProcess,
): Promise<void> {
  output.step('A process starts and ends, and the Zeek gets both rows');
  const child = await processes.start('sleep', ['sleep', '300']);
  mayEnd(child);
  output.line(`The demo started process ${child.pid}, sleep.`);
  const rowOf = (update: ShownRow['update']) =>
    bro.rows.find(
      (row) => (isOf(row, 1) && row.update === update && pidOf(row) === child.pid ? row : undefined),
      signal,
    );
  output.row(await rowOf('ADDED'));
  await child.stop();
  output.line('The demo ended it.');
  output.row(await rowOf('REMOVED'));
}

async function unsubscribing(
  { output, signal, mayEnd }: DemoContext,
  bro: BroProcess,
  client: ManagerClient,
): Promise<void> {
  output.step('The Zeek unsubscribes and disconnects');
  mayEnd(bro.child);
  if (bro.unsubscribe) await bro.unsubscribe(signal);
  else if ((await bro.child.stop()) !== 0) {
    throw new Error(`bro-osquery bro ended with ${bro.child.ending()}`);
  }
  await bro.messages.find(({ type }) => (type === 'unsubscribed' ? true : undefined), signal);
  output.line(bro.unsubscribe ? 'It unsubscribed.' : 'It unsubscribed and disconnected.');
  await until(signal, async () => ((await schedule(client)).length === 0 ? true : undefined));
  output.detail('SELECT name, interval, query FROM osquery_schedule');
  output.line("No rows: osquery's schedule is empty again.");
  if (bro.unsubscribe) await bro.child.stop();
}

function schedule(client: ManagerClient): Promise<readonly Row[]> {
  return client.query('SELECT name, interval, query FROM osquery_schedule');
}

/** Looks until there is something to see; osqueryd that isn't there yet is nothing to see. */
async function until<T>(signal: AbortSignal, look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    const seen = await look().catch((error) => {
      if (isUnreachable(error)) return undefined;
      throw error;
    });
    if (seen !== undefined) return seen;
    await sleep(LOOK_AGAIN, undefined, { signal }).catch(() => {});
  }
}

/** The rows of the n-th query: the Bro numbers their events. */
function isOf({ event }: ShownRow, query: number): boolean {
  return event.endsWith(`_${query}`);
}

function pidOf({ columns }: ShownRow): unknown {
  return columns.find(({ name }) => name === 'pid')?.value;
}

function hasPath({ columns }: ShownRow): boolean {
  return columns.some(({ name, value }) => name === 'path' && value !== '');
}

function asHost(host: unknown): { readonly id: string; readonly groups: readonly string[] } {
  const { id = '', groups = [] } = host as { readonly id?: string; readonly groups?: readonly string[] };
  return { id, groups };
}

function seconds(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError('It is not a whole number of seconds of at least 1.');
}
