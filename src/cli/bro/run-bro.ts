import { once } from 'node:events';
import { formatEndpointAddress } from '../../broker/address.ts';
import type { BrokerAddress } from '../../broker/endpoint-connection.ts';
import { listenEndpoint } from '../../broker/endpoint-server.ts';
import type { Listener } from '../../broker/listening-server.ts';
import { CONSOLE_ROW } from '../../vocabulary/console-query.ts';
import { PACKAGE_VERSION } from '../../vocabulary/zeek-package.ts';
import type { BroEvent } from '../../zeek-client/bro-event.ts';
import { Bro, type BroOptions } from '../../zeek-client/bro-server.ts';
import type { ColumnNames } from '../../zeek-client/column-names.ts';
import { ConsoleDesk } from '../../zeek-client/console-desk.ts';
import type { BroQuery, ReceivedRow, Subscription, Target } from '../../zeek-client/model.ts';
import { type Io, printLine } from '../io.ts';
import { broEventAsJson, formatBroEvent } from './format-event.ts';
import { rowLine } from './row-line.ts';
import type { RowTable } from './row-table.ts';
import { ToldColumns } from './told-columns.ts';

export interface BroRun {
  readonly bro: BroOptions;
  /** Where hosts find it; undefined: at the addresses that it listens on. */
  readonly where: string | undefined;
  readonly queries: readonly NamedQuery[];
  readonly target: Target;
  /** Groups that the target's hosts are told to join. */
  readonly join: readonly string[];
  /** End after so many rows. */
  readonly count: number | undefined;
  /** End after so many milliseconds. */
  readonly duration: number | undefined;
  /** Tell what happens as JSON lines. */
  readonly json: boolean;
  /** Where consoles connect (`bro-osquery query`); undefined: nowhere. */
  readonly consoles: ConsoleOptions | undefined;
  /** Print rows as a table; else as JSON, a line each. */
  readonly table: RowTable | undefined;
}

export interface ConsoleOptions {
  readonly address: BrokerAddress;
  readonly topicPrefix: string;
  readonly allowQueries: boolean;
}

export interface NamedQuery {
  readonly query: BroQuery;
  /** The names that the caller gives its columns. */
  readonly given: ColumnNames | undefined;
  /** The names that stand in its text, for hosts that don't tell them. */
  readonly names: ColumnNames | undefined;
}

/** Why a run ended. */
export type BroEnd = 'count' | 'duration' | 'interrupted' | 'output-closed';

/**
 * Runs a Bro until one of its ends; it has unsubscribed and said goodbye then.
 * @throws the system's error if the address can't be bound
 */
export async function runBro(io: Io, run: BroRun): Promise<{ readonly end: BroEnd; readonly rows: number }> {
  const ended = Promise.withResolvers<BroEnd>();
  const namesOf = new Map(run.queries.map((named) => [named.query, named]));
  const misnamed = new Set<BroQuery>();
  const told = new ToldColumns(run.bro.dialect.id);
  let rows = 0;
  let closing = false;

  const say = (words: string, news: object) =>
    void printLine(io.err, run.json ? broEventAsJson(news, io.now()) : words);

  const takeRow = (row: ReceivedRow) => {
    if (rows === run.count) return;
    rows += 1;
    const query = row.query && namesOf.get(row.query);
    const names = query?.given ?? told.of(row) ?? query?.names;
    if (row.query && names && names.length !== row.values.length && !misnamed.has(row.query)) {
      misnamed.add(row.query);
      const problem = `rows of ${row.query.sql} have ${row.values.length} values, not the ${names.length} that were named: printing them without names`;
      say(problem, { type: 'misnamed', problem });
    }
    const lines = run.table?.take(row, names) ?? [rowLine(row, names, io.now())];
    for (const line of lines) void printLine(io.out, line);
    if (rows === run.count) ended.resolve('count');
  };

  const desk = run.consoles && deskFor(io, run.consoles, () => bro);
  const take = (news: BroEvent) => {
    desk?.take(news);
    if (news.type === 'row') {
      // What consoles have asked is theirs.
      if (news.row.event !== CONSOLE_ROW) takeRow(news.row);
      return;
    }
    if (news.type === 'columns') told.take(news);
    const words = formatBroEvent(news);
    if (run.json) say('', news);
    else if (words !== undefined && !(closing && news.type === 'disconnected')) say(words, news);
  };

  // A reader that has had enough (`| head`) is an end like any other.
  io.out.once('error', () => ended.resolve('output-closed'));
  const bro: Bro = await Bro.listen(run.bro, take);
  let consoles: Listener | undefined;
  try {
    if (desk && run.consoles) {
      consoles = await listenForConsoles(run.bro, run.consoles, desk);
      const where = formatEndpointAddress({ ...run.consoles.address, port: consoles.port });
      say(`listening on ${where} for consoles`, {
        type: 'listening',
        address: where,
        port: consoles.port,
        for: 'consoles',
      });
    }
    for (const [index, port] of bro.ports.entries()) {
      const address = run.bro.addresses[index];
      const where = run.where ?? (address ? formatEndpointAddress({ ...address, port }) : '');
      say(`listening on ${where} for hosts, vocabulary ${run.bro.dialect.id}`, {
        type: 'listening',
        address: where,
        port,
        vocabulary: run.bro.dialect.id,
        endpointId: run.bro.endpointId,
      });
    }
    if (!run.json) await printLine(io.err, 'Ctrl-C shuts down cleanly');
    for (const group of run.join) bro.join(group, run.target);
    for (const { query } of run.queries) {
      if (isSubscription(query)) bro.subscribe(query);
      else bro.execute(query);
    }
    const end = await Promise.race([ended.promise, interruption(io.interrupted), passing(run.duration)]);
    closing = true;
    return { end, rows };
  } finally {
    await consoles?.close();
    await bro.close();
  }
}

/** What WebSocket clients are told as Zeek's version: that whose API this is. */
const ZEEK_VERSION = '8.2.0';

function deskFor(io: Io, { topicPrefix, allowQueries }: ConsoleOptions, bro: () => Bro): ConsoleDesk {
  return new ConsoleDesk({
    ...{ bro, topicPrefix, allowQueries, packageVersion: PACKAGE_VERSION, now: io.now },
    after: (milliseconds, callback) => void setTimeout(callback, milliseconds).unref(),
  });
}

function listenForConsoles(
  { endpointId, tls }: BroOptions,
  { address }: ConsoleOptions,
  desk: ConsoleDesk,
): Promise<Listener> {
  const isSecure = address.kind === 'websocket' && address.secure;
  return listenEndpoint(
    address,
    { endpointId, filter: desk.filter, version: ZEEK_VERSION, ...(tls && isSecure && { tls }) },
    (connection) => desk.accept(connection),
  );
}

function isSubscription(query: BroQuery): query is Subscription {
  return query.interval !== undefined;
}

async function interruption(interrupted: AbortSignal): Promise<BroEnd> {
  if (!interrupted.aborted) await once(interrupted, 'abort');
  return 'interrupted';
}

function passing(milliseconds: number | undefined): Promise<BroEnd> {
  return new Promise((resolve) => {
    if (milliseconds !== undefined) setTimeout(() => resolve('duration'), milliseconds).unref();
  });
}
