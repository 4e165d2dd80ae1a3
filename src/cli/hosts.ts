import { Command } from 'commander';
import { hostFacts, queryFacts } from '../console/facts.ts';
import { FleetSqlError, hostsWhere } from '../console/fleet-database.ts';
import type { HostFacts, Item, QueryFacts } from '../console/model.ts';
import type { ConsoleSession } from '../console/session-client.ts';
import { counted, printable, printableJson } from '../replay/printable.ts';
import {
  HOST_HEAD,
  hostCells,
  lagText,
  QUERY_HEAD,
  queryCells,
  rateText,
  stateOf,
} from './console/format-facts.ts';
import { addListOptions, formOf, type ListOptions, printList, tableOf } from './console/list-output.ts';
import { addSessionOptions, NOT_ASKED, type SessionOptions, withSession } from './console/options.ts';
import { type Io, printLine } from './io.ts';
import { idsOf } from './query/question.ts';
import { columns } from './status/columns.ts';
import { duration } from './status/format.ts';
import { failed } from './usage.ts';

interface HostsOptions extends SessionOptions, ListOptions {
  readonly where?: string;
}

/** Exit code where there is no such host. */
const UNKNOWN_HOST = 4;

/** `bro-osquery hosts`: the hosts that a Zeek knows. */
export function hostsCommand(io: Io): Command {
  const command = new Command('hosts').description('list the hosts of a Zeek that loads osquery/console');
  addSessionOptions(command).option(
    '--where <condition>',
    'only those for which it holds: SQL over id, name, platform, os, version, gateway, addresses, groups, connected, since, last_seen, rows, rate, lag, warnings',
  );
  return addListOptions(command).action(async (options: HostsOptions) => {
    try {
      const hosts = await withSession(io, command, options, (session) => session.hosts());
      const entries = options.where === undefined ? hosts : hostsWhere(hosts, options.where);
      const cells = (host: HostFacts) => hostCells(host, io.now());
      await printList(io, options, { entries, head: HOST_HEAD, cells });
      const connected = entries.filter((host) => host.connected).length;
      if (io.err.isTTY) await printLine(io.err, `${counted(entries.length, 'host')}, ${connected} connected`);
    } catch (error) {
      if (!(error instanceof FleetSqlError)) throw error;
      failed(command, `error: SQL of this console: ${printable(error.message)}`, { exitCode: NOT_ASKED });
    }
  });
}

interface HostOptions extends SessionOptions {
  readonly json?: boolean;
}

/** `bro-osquery host ID`: all that a Zeek knows of one. */
export function hostCommand(io: Io): Command {
  const command = new Command('host')
    .description('show all that a Zeek knows of a host: its queries, its rate of rows, its last warnings')
    .argument('<id>', "the host's id or name")
    .option('--json', 'print one JSON object');
  return addSessionOptions(command)
    .addHelpText(
      'after',
      `\nExit codes: 0; ${NOT_ASKED} the Zeek can't be asked; ${UNKNOWN_HOST} it knows no such host.`,
    )
    .action(async (name: string, options: HostOptions) => {
      const found = await withSession(io, command, options, (session) => findHost(session, name));
      if (!found) {
        return failed(command, `this Zeek knows no host ${printable(name)}`, { exitCode: UNKNOWN_HOST });
      }
      const lines = options.json ? [asJson(found)] : hostLines(io, found);
      for (const line of lines) await printLine(io.out, line);
    });
}

interface Found {
  readonly host: HostFacts;
  readonly queries: readonly QueryFacts[];
  readonly warnings: readonly Item[];
}

async function findHost(session: ConsoleSession, name: string): Promise<Found | undefined> {
  const all = await session.hosts();
  const [id] = idsOf(name, all);
  if (id === undefined || !all.some((host) => host.id === id)) return undefined;
  const items = await session.list('host', id);
  const host = items.flatMap((item) => (item.kind === 'host' ? (hostFacts(item) ?? []) : []))[0];
  return (
    host && {
      host,
      queries: items.flatMap((item) => (item.kind === 'query' ? (queryFacts(item) ?? []) : [])),
      warnings: items.filter(({ kind }) => kind === 'warning' || kind === 'error'),
    }
  );
}

function asJson({ host, queries, warnings }: Found): string {
  const said = warnings.map(({ at, kind, text }) => ({
    time: new Date(at).toISOString(),
    level: kind,
    text,
  }));
  return printableJson(JSON.stringify({ ...host, queries, last_warnings: said }));
}

function hostLines(io: Io, { host, queries, warnings }: Found): readonly string[] {
  const { id, name, platform, os, version, gateway, groups, addresses, rows, rate, lag } = host;
  const now = io.now();
  return [
    ...columns([
      ['host', printable(name || id)],
      ['id', printable(id)],
      ['state', stateOf(host, now)],
      ['system', printable([os, platform].filter((text) => text !== '').join(', ') || 'not known')],
      ['extension', printable(version || 'not known')],
      ['connected by', gateway === '' ? 'itself' : `gateway ${printable(gateway)}`],
      ['groups', printable(groups.join(' ') || 'none')],
      ['addresses', printable(addresses.join(' ') || 'none')],
      ['rows', rows === null ? 'not counted' : `${rows}, ${rateText(rate)} a second, lag ${lagText(lag)}`],
    ]),
    '',
    ...(queries.length === 0
      ? ['no query is wanted of it']
      : tableOf(io, QUERY_HEAD, queries.map(queryCells))),
    '',
    ...(warnings.length === 0
      ? ['no warnings since this Zeek started']
      : warnings.map(({ at, kind, text }) => `${duration(now - at)} ago  ${kind}: ${printable(text)}`)),
  ];
}

interface QueriesOptions extends SessionOptions, ListOptions {}

/** `bro-osquery queries`: what is asked of hosts, and by whom. */
export function queriesCommand(io: Io): Command {
  const command = new Command('queries').description(
    'list the queries that a Zeek wants of its hosts, and who wants them',
  );
  addSessionOptions(command);
  return addListOptions(command).action(async (options: QueriesOptions) => {
    const items = await withSession(io, command, options, (session) => session.list('queries'));
    const entries = items
      .flatMap((item) => (item.kind === 'query' ? (queryFacts(item) ?? []) : []))
      .toSorted((one, other) => one.sql.localeCompare(other.sql));
    await printList(io, options, { entries, head: QUERY_HEAD, cells: queryCells });
    if (entries.length === 0 && formOf(io, options) === 'table') {
      await printLine(io.err, 'no query is wanted of any host');
    }
  });
}
