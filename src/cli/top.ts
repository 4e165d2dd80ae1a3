import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { activityFacts, hostFacts, queryFacts } from '../console/facts.ts';
import type { ActivityFacts, HostFacts, Item, QueryFacts } from '../console/model.ts';
import { counted, printable, printableJson } from '../replay/printable.ts';
import { seconds } from './bro/arguments.ts';
import { painterFor } from './colour.ts';
import { lagText, rateText } from './console/format-facts.ts';
import { tableOf } from './console/list-output.ts';
import { addSessionOptions, type SessionOptions, withSession } from './console/options.ts';
import { type Io, printLine } from './io.ts';

interface TopOptions extends SessionOptions {
  readonly every: number;
  readonly json?: boolean;
  readonly once?: boolean;
}

/** Seconds between two pictures. */
const EVERY = 2;
/** Cursor home, and all behind it erased. */
const CLEAR = '\u001b[H\u001b[J';
/** Lines of a table. */
const MOST = 10;

interface Picture {
  readonly at: number;
  readonly activity: ActivityFacts;
  readonly hosts: readonly HostFacts[];
  readonly queries: readonly QueryFacts[];
}

/** `bro-osquery top`: what goes on at a Zeek, live. */
export function topCommand(io: Io): Command {
  const command = new Command('top').description(
    'show live what goes on at a Zeek: hosts, rows a second, lag, warnings, the loudest queries',
  );
  return addSessionOptions(command)
    .optionsGroup('Output:')
    .addOption(
      new Option('--every <seconds>', `between two pictures (default: ${EVERY})`)
        .argParser(seconds)
        .default(EVERY),
    )
    .option('--once', 'one picture, after the first interval')
    .option('--json', 'a JSON object a picture')
    .action(async (options: TopOptions) => {
      await withSession(io, command, options, async (session) => {
        let before: Picture | undefined;
        while (!io.interrupted.aborted) {
          const picture = pictureOf(await session.list('activity'), io.now());
          if (picture && (before || !options.once)) {
            await show(io, picture, before, options);
            if (options.once) return;
          }
          before = picture;
          await Promise.race([
            sleep(options.every * 1_000, undefined, { signal: io.interrupted }).catch(() => {}),
            session.ended,
          ]);
        }
      });
    });
}

function pictureOf(items: readonly Item[], at: number): Picture | undefined {
  const activity = items.flatMap((item) => (item.kind === 'activity' ? (activityFacts(item) ?? []) : []))[0];
  return (
    activity && {
      at,
      activity,
      hosts: items.flatMap((item) => (item.kind === 'host' ? (hostFacts(item) ?? []) : [])),
      queries: items.flatMap((item) => (item.kind === 'query' ? (queryFacts(item) ?? []) : [])),
    }
  );
}

async function show(
  io: Io,
  picture: Picture,
  before: Picture | undefined,
  { json }: TopOptions,
): Promise<void> {
  const loudest = loudestQueries(picture, before);
  const { activity, hosts } = picture;
  if (json) {
    await printLine(
      io.out,
      printableJson(JSON.stringify({ ...activity, rate: rateOf(picture, before), hosts, queries: loudest })),
    );
    return;
  }
  const paint = painterFor(io.out, io.env);
  const lag =
    activity.lagMedian === null
      ? 'lag not known'
      : `lag ${lagText(activity.lagMedian)} (longest ${lagText(activity.lagMost)})`;
  const warned = before ? ` (${activity.warnings - before.activity.warnings} new)` : '';
  const lines = [
    `${activity.connected} of ${counted(activity.hosts, 'host')} connected, ${counted(activity.gateways, 'gateway')}, ${counted(activity.consoles, 'console')}`,
    `${rateText(rateOf(picture, before))} rows/s, ${activity.rows ?? 'an unknown number'} since this Zeek started, ${lag}, ${counted(activity.warnings, 'warning')}${warned}`,
    '',
    paint('heading', 'Loudest queries'),
    ...tableOf(io, ['rows/s', 'rows', 'every', 'query', 'wanted by'], loudest.slice(0, MOST).map(queryRow)),
    ...(hosts.length === 0
      ? []
      : [
          '',
          paint('heading', 'Busiest hosts'),
          ...tableOf(io, ['rows/s', 'rows', 'lag', 'warnings', 'host'], hosts.slice(0, MOST).map(hostRow)),
        ]),
  ];
  io.out.write(`${io.out.isTTY ? CLEAR : ''}${lines.join('\n')}\n`);
}

type Loud = QueryFacts & {
  /** Rows a second; null: not known. */
  readonly rate: number | null;
};

/** By rows a second since the last picture, those that came as the same event together. */
function loudestQueries(picture: Picture, before: Picture | undefined): readonly Loud[] {
  const earlier = new Map(before?.queries.map((query) => [keyOf(query), query.rows]));
  const passed = before ? (picture.at - before.at) / 1_000 : 0;
  return picture.queries
    .map((query) => {
      const rows = earlier.get(keyOf(query));
      const isKnown = query.rows !== null && typeof rows === 'number' && passed > 0;
      return { ...query, rate: isKnown ? Math.max(0, ((query.rows ?? 0) - rows) / passed) : null };
    })
    .toSorted((one, other) => (other.rate ?? -1) - (one.rate ?? -1) || (other.rows ?? 0) - (one.rows ?? 0));
}

/** Rows a second since the last picture; null: not known. */
function rateOf(picture: Picture, before: Picture | undefined): number | null {
  const [now, then] = [picture.activity.rows, before?.activity.rows];
  if (!before || now === null || then === null || then === undefined) return null;
  const passed = (picture.at - before.at) / 1_000;
  return passed > 0 ? Math.max(0, (now - then) / passed) : null;
}

function keyOf({ event, sql, target, interval }: QueryFacts): string {
  return JSON.stringify([event, sql, target, interval]);
}

function queryRow({ rate, rows, interval, sql, wantedBy }: Loud): readonly string[] {
  return [
    rate === null ? '-' : rateText(rate),
    rows === null ? '-' : String(rows),
    interval === 0 ? 'once' : `${interval} s`,
    sql.replaceAll(/\s+/g, ' '),
    wantedBy.join(', '),
  ];
}

function hostRow({ rate, rows, lag, warnings, name, id }: HostFacts): readonly string[] {
  return [rateText(rate), String(rows ?? '-'), lagText(lag), String(warnings), printable(name || id)];
}
