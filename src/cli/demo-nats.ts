import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { EXTENSION_NAME, PLUGIN_NAME } from '../osquery/registration.ts';
import { Broadcast } from './demo/broadcast.ts';
import { createDemoOutput, type ShownRow } from './demo/demo-output.ts';
import { findNatsServer, type NatsProcess, startNatsServer } from './demo/nats-process.ts';
import { findOsqueryd, ourselves } from './demo/programs.ts';
import { type DemoContext, runDemo } from './demo/run-demo.ts';
import type { Io } from './io.ts';
import { failed } from './usage.ts';

const HOSTS = ['alpha', 'beta', 'gamma'];
/** Where osquery's filesystem logger puts snapshots. */
const SNAPSHOT_LOG = 'osqueryd.snapshots.log';
const SUBSCRIPTION = 'SELECT hour, minutes, seconds FROM time';
/** Seconds that the whole demo may take. */
const PATIENCE = 120;
/** Milliseconds that the server is away. */
const OUTAGE = 4_000;

interface FleetRow extends ShownRow {
  readonly host: string;
  readonly host_time?: string;
  readonly sequence: number;
}

/** A row as osquery logs it. */
interface Clock {
  readonly hour: string;
  readonly minutes: string;
  readonly seconds: string;
}

interface Word {
  readonly type: string;
  readonly host?: { readonly id: string };
}

/** `bro-osquery demo-nats`: three hosts reach a Zeek over a NATS server that dies and comes back. */
export function demoNatsCommand(io: Io): Command {
  const command = new Command('demo-nats').description(
    'show three hosts that connect to a Zeek over NATS, and lose no row when the server crashes',
  );
  return command.action(async () => {
    const output = createDemoOutput(io.out, io.out.isTTY === true && !process.env['NO_COLOR']);
    const failure = await runDemo(output, script, { patience: PATIENCE, interrupted: io.interrupted });
    if (failure !== undefined) failed(command, `error: the demo failed: ${failure}`, { exitCode: 1 });
  });
}

async function script(context: DemoContext): Promise<void> {
  const { output, processes, signal, mayEnd } = context;
  const program = findNatsServer(process.env['PATH'] ?? '');
  output.step('A nats-server starts, and a Zeek connects to it');
  const server = await startNatsServer(processes, program, -1, signal);
  const url = `nats://127.0.0.1:${server.port}`;
  output.line(`${program} listens at ${url}, with JetStream.`);
  const { messages, rows } = await startBro(context, url);
  output.line('`bro-osquery bro --nats` acts as the Zeek and subscribes at every host, once a second:');
  output.line(`  ${SUBSCRIPTION}`);

  output.step('Three hosts start, each an osqueryd with the extension');
  for (const host of HOSTS) await startHost(context, host, url);
  for (const host of HOSTS) {
    await messages.find(
      ({ type, host: who }) => (type === 'announced' && who?.id === host) || undefined,
      signal,
    );
    output.line(`Host ${host} has announced itself on osquery.announce.`);
  }

  output.step('Rows arrive from all of them');
  for (const host of HOSTS) context.output.row(await nthRow(rows, host, 3, signal));

  output.step('The nats-server is killed in mid-flow, with kill -9');
  mayEnd(server.child);
  const killedAt = Date.now();
  await kill(server);
  const before = rows.heard.length;
  output.line(
    `${before} rows had arrived. osquery goes on running the query; its rows wait in the journals of the hosts.`,
  );
  await sleep(OUTAGE, undefined, { signal });
  const missed = rows.heard.length - before;
  output.line(
    `${OUTAGE / 1000} s later ${missed === 0 ? 'no further rows have' : `${missed} more rows have`} arrived.`,
  );

  output.step('The nats-server starts again');
  const backAt = Date.now();
  await startNatsServer(processes, program, server.port, signal);
  for (const host of HOSTS) {
    const seen = ({ host: from, host_time }: FleetRow) =>
      from === host && Date.parse(host_time ?? '') > backAt;
    await rows.find((row) => seen(row) || undefined, signal);
    const count = rows.heard.filter(({ host: from, host_time: at = '' }) => {
      return from === host && Date.parse(at) > killedAt && Date.parse(at) < backAt;
    }).length;
    output.line(`Host ${host} has reconnected and delivered the ${count} rows of the outage.`);
  }

  output.step('Check for lost and duplicate rows');
  for (const host of HOSTS) output.line(audit(processes.directory, rows.heard, host));
  output.success('Three hosts, one Zeek, one server crash: every row arrived.');
}

async function startBro({ processes }: DemoContext, url: string) {
  const messages = new Broadcast<Word>();
  const rows = new Broadcast<FleetRow>();
  const asked = ['--subscribe', SUBSCRIPTION, '--interval', '1', '--update', 'SNAPSHOT'];
  const command = [...ourselves(), 'bro', '--nats', url, '--nats-jetstream', 'create', '--json', ...asked];
  await processes.start('bro-osquery bro', command, {
    onOutput: (line) => rows.add(JSON.parse(line)),
    onError: (line) => {
      if (line.startsWith('{')) messages.add(JSON.parse(line));
    },
  });
  return { messages, rows };
}

async function startHost({ processes }: DemoContext, host: string, url: string): Promise<void> {
  const directory = join(processes.directory, host);
  mkdirSync(directory);
  const config = join(directory, 'osquery.conf');
  const endpoint = { address: url, nats: { jetstream: 'create' } };
  writeFileSync(config, JSON.stringify({ bro: { endpoints: [endpoint], uid: host } }));
  const socket = join(directory, 'osquery.em');
  const flags = {
    extensions_socket: socket,
    extensions_autoload: join(directory, 'none'),
    extensions_require: EXTENSION_NAME,
    extensions_timeout: 30,
    config_path: config,
    logger_plugin: `${PLUGIN_NAME},filesystem`,
    logger_path: directory,
    pidfile: join(directory, 'osqueryd.pid'),
    ephemeral: true,
    disable_database: true,
    disable_events: true,
    disable_watchdog: true,
  };
  const { command } = findOsqueryd(process.env);
  const options = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  await processes.start(`osqueryd of ${host}`, [...command, ...options]);
  const state = ['--state-dir', join(directory, 'state'), '--timeout', '20'];
  await processes.start(`extension of ${host}`, [...ourselves(), 'extension', '--socket', socket, ...state]);
}

async function nthRow(
  rows: Broadcast<FleetRow>,
  host: string,
  count: number,
  signal: AbortSignal,
): Promise<FleetRow> {
  return rows.find((row) => {
    if (row.host !== host) return undefined;
    return rows.heard.filter(({ host: from }) => from === host).length >= count ? row : undefined;
  }, signal);
}

async function kill({ child }: NatsProcess): Promise<void> {
  child.kill();
  while (child.ending() === undefined) await sleep(10);
}

/** Compares what came with osquery's own log file of the host. @throws Error if something is missing */
function audit(directory: string, rows: readonly FleetRow[], host: string): string {
  const come = rows.filter((row) => row.host === host);
  const clocks = come.map(({ columns }) => columns.map(({ value }) => value).join(':'));
  const logged = readFileSync(join(directory, host, SNAPSHOT_LOG), 'utf8')
    .split('\n')
    .filter((line) => line.includes('"snapshot"'))
    .flatMap((line) => (JSON.parse(line) as { readonly snapshot: readonly Clock[] }).snapshot)
    .map(({ hour, minutes, seconds }) => `${hour}:${minutes}:${seconds}`);
  // What osquery has logged since the last row came is on its way.
  const due = logged.slice(0, logged.lastIndexOf(clocks.at(-1) ?? '') + 1);
  const lost = due.filter((clock) => !clocks.includes(clock)).length;
  if (due.length === 0 || lost > 0) throw new Error(`${lost} of ${due.length} rows of ${host} are lost`);
  const twice = come.length - new Set(come.map(({ sequence }) => sequence)).size;
  return `${host}: osquery logged ${due.length} rows, all arrived, ${twice === 0 ? 'none' : twice} twice.`;
}
