import { countsError, type DeliveryCounts } from '../../delivery/delivery-counts.ts';
import { counted, printable, quoted } from '../../replay/printable.ts';
import type { BroStatus, StatusReport } from '../extension/observation/status-report.ts';
import { columns } from './columns.ts';

/** A report as a person reads it. */
export function formatStatus(report: StatusReport): string[] {
  const { version, pid, startedAt, at: now, host, logger, journal, eventLog, executions } = report;
  const of = host === '' ? '' : ` for host ${printable(host)}`;
  return [
    `bro-osquery ${printable(version)}, process ${pid}${of}, up ${duration(now - startedAt)}`,
    '',
    ...columns([
      ['osquery', formatOsquery(report.osquery, now)],
      ['logger', formatLogger(logger)],
      ['schedule', `${counted(report.subscriptions.length, 'subscription')}, ${waiting(executions)}`],
      [
        'journal',
        `${bytes(journal.bytes)} of ${bytes(journal.maxBytes)} in ${counted(journal.segments, 'file')}`,
      ],
      [
        'event log',
        `record ${eventLog.records}, ${eventLog.trouble === '' ? 'ok' : printable(eventLog.trouble)}`,
      ],
    ]),
    '',
    ...formatBros(report.bros, now),
    '',
    ...formatSubscriptions(report.subscriptions, now),
    ...formatTroubles(report.subscriptions),
    ...formatTold(report.told, now),
    ...formatDelivery(report),
  ];
}

/** What runs, and when. osquery chooses the second within an interval: the next run is about then. */
function formatSubscriptions(subscriptions: StatusReport['subscriptions'], now: number): string[] {
  if (subscriptions.length === 0) return [];
  const lines = subscriptions.map(({ name, interval, lastRun, trouble, sql }) => [
    printable(name),
    duration(interval * 1_000),
    lastRun === null ? 'none seen' : `${duration(now - lastRun)} ago`,
    lastRun === null || trouble !== '' ? '-' : `in about ${duration(lastRun + interval * 1_000 - now)}`,
    quoted(sql, 60),
  ]);
  return [...columns([['query', 'every', 'last run', 'next run', ''], ...lines]), ''];
}

/** How many of them people see. */
const TOLD = 5;

function formatTold(told: StatusReport['told'], now: number): string[] {
  if (told.length === 0) return [];
  return [
    'Last notices to Zeeks',
    ...told
      .slice(0, TOLD)
      .flatMap(({ at, peer, level, text, sql }) => [
        `  ${duration(now - at)} ago  ${level} to ${printable(peer)}: ${printable(text)}`,
        ...(sql === '' ? [] : [`    ${quoted(sql, 100)}`]),
      ]),
    '',
  ];
}

function formatTroubles(subscriptions: StatusReport['subscriptions']): string[] {
  const troubled = subscriptions.filter(({ trouble }) => trouble !== '');
  if (troubled.length === 0) return [];
  return [
    `${counted(troubled.length, 'subscription')} with trouble`,
    ...troubled.flatMap(({ name, peer, sql, trouble }) => [
      `  ${printable(name)} of ${printable(peer)}: ${quoted(sql, 80)}`,
      `    ${printable(trouble)}`,
    ]),
    '',
  ];
}

function waiting(executions: number): string {
  return executions === 0 ? 'no one-time query pending' : `${counted(executions, 'one-time query')} pending`;
}

function formatOsquery({ state, since, uuid, reason }: StatusReport['osquery'], now: number): string {
  const ago = since === null ? '' : ` for ${duration(now - since)}`;
  if (state.startsWith('registered')) return `registered as ${uuid}${ago} (${state})`;
  return `not registered${ago} (${state})${reason === '' ? '' : `: ${printable(reason)}`}`;
}

function formatLogger({
  attachedBy,
  calls,
  bytes: size,
  lost,
  recovered,
  refusal,
  seconds,
  longest,
}: StatusReport['logger']): string {
  const who = loggerChoice(attachedBy, calls);
  const took =
    calls === 0
      ? ''
      : `, answered in ${milliseconds(seconds / calls)} on average, ${milliseconds(longest)} at most`;
  const trouble = lost === 0 ? '' : `; ${counted(lost, 'call')} could not be journalled`;
  const now = refusal === '' ? '' : `, still failing: ${printable(refusal)}`;
  const missed =
    recovered === 0 ? '' : `; ${counted(recovered, 'missed row')} recovered from osqueryd's own log`;
  return `${who}; ${counted(calls, 'call')}, ${bytes(size)}${took}${missed}${trouble}${now}`;
}

/** An osqueryd that ran before we did calls us without a word of its choice. */
function loggerChoice(attachedBy: string, calls: number): string {
  if (attachedBy !== '') return `selected by ${printable(attachedBy)}`;
  return calls > 0 ? 'selected by osqueryd' : 'not called since the start (is bro in --logger_plugin?)';
}

function formatBros(bros: readonly BroStatus[], now: number): string[] {
  if (bros.length === 0) return ['No Zeek is configured.'];
  return bros.flatMap((bro) => {
    const { peer, subscriptions, groups, inFlight, oldestAt, incarnation, lastError, unreportedGap } = bro;
    const { streamTrouble } = bro;
    const facts = [
      counted(subscriptions, 'subscription'),
      ...(groups.length > 0 ? [`groups ${groups.map(printable).join(', ')}`] : []),
      ...(inFlight > 0 ? [`${counted(inFlight, 'row')} in flight`] : []),
      ...(oldestAt === null ? [] : [`oldest row waiting for ${duration(now - oldestAt)}`]),
    ];
    return [
      `Zeek ${printable(peer)}: ${formatLink(bro, now)}`,
      `  ${facts.join(', ')}${incarnation === '' ? '' : `; endpoint ${printable(incarnation)}`}`,
      ...(lastError === '' ? [] : [`  last error: ${printable(lastError)}`]),
      ...(streamTrouble === '' ? [] : [`  stream: ${printable(streamTrouble)}`]),
      ...(unreportedGap === '' ? [] : [`  to be reported: ${printable(unreportedGap)}`]),
    ];
  });
}

function formatLink(bro: BroStatus, now: number): string {
  const { state, since, transport, failures, retryAt } = bro;
  const ago = since === null ? '' : ` for ${duration(now - since)}`;
  if (state === 'linked.peered') {
    return `peered${ago} over ${printable(transport)}`;
  }
  const after = failures > 0 ? `, after ${counted(failures, 'failure')}` : '';
  const lost = since === null ? 'never connected' : `away${ago}`;
  const step = WORDS[state] ?? state.replace('linked.', '');
  const retry = retryAt === null ? '' : `, next attempt in ${duration(Math.max(0, retryAt - now))}`;
  return `${lost}, ${step}${after}${retry}`;
}

const WORDS: Readonly<Record<string, string>> = {
  backingOff: 'waiting to reconnect',
  refused: 'refused',
  'linked.draining': 'disconnecting',
  ended: 'over',
};

const HEADS = ['taken', 'journalled', 'sent', 'resent', 'confirmed', 'dropped', 'skipped', 'pending'];

function formatDelivery({ delivery: counts, subscriptions }: StatusReport): string[] {
  if (counts.length === 0) return ['No rows for a Zeek since the start.'];
  const sql = new Map(subscriptions.map(({ name, sql }) => [name, sql]));
  const peers = [...new Set(counts.map(({ peer }) => peer))];
  const lines: (string | number)[][] = [['rows', ...HEADS, '']];
  for (const peer of peers) {
    const own = counts.filter((counts) => counts.peer === peer);
    lines.push([printable(peer), ...numbers(total(own)), '']);
    for (const counts of own) {
      const query = sql.get(counts.name);
      const note = [...(query === undefined ? [] : [quoted(query, 60)]), ...reasons(counts)].join(' ');
      lines.push([`  ${printable(counts.name) || '(ended)'}`, ...numbers(counts), note]);
    }
  }
  const wrong = counts.flatMap((counts) => countsError(counts) ?? []);
  return [
    ...columns(lines),
    '',
    wrong.length === 0
      ? 'Each line adds up: taken = not journalled + confirmed + dropped + skipped + pending.'
      : `The counts do not add up, which is a bug in bro-osquery: ${printable(wrong.join('; '))}`,
  ];
}

function numbers({
  taken,
  refused,
  sent,
  resent,
  confirmed,
  dropped,
  skipped,
  pending,
}: DeliveryCounts): number[] {
  return [taken, taken - refused, sent, resent, confirmed, dropped, sum(skipped), pending];
}

const sum = (skipped: DeliveryCounts['skipped']): number =>
  Object.values(skipped).reduce((all, rows) => all + rows, 0);

function reasons({ skipped }: DeliveryCounts): string[] {
  const parts = Object.entries(skipped).map(([reason, rows]) => `${rows} ${printable(reason)}`);
  return parts.length === 0 ? [] : [`(skipped: ${parts.join(', ')})`];
}

function total(counts: readonly DeliveryCounts[]): DeliveryCounts {
  const all = { taken: 0, refused: 0, sent: 0, resent: 0, confirmed: 0, dropped: 0, pending: 0 };
  const skipped: Record<string, number> = {};
  for (const one of counts) {
    for (const key of Object.keys(all) as (keyof typeof all)[]) all[key] += one[key];
    for (const [reason, rows] of Object.entries(one.skipped)) {
      skipped[reason] = (skipped[reason] ?? 0) + rows;
    }
  }
  return { peer: counts[0]?.peer ?? '', name: '', ...all, skipped };
}

/** Two digits, and all of those before the point. */
const milliseconds = (seconds: number): string => `${Number((seconds * 1_000).toPrecision(2))} ms`;

/** A size as people read it. */
export function bytes(size: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let at = 0;
  let value = size;
  while (value >= 1_024 && at < units.length - 1) {
    value /= 1_024;
    at += 1;
  }
  return at === 0 ? `${size} bytes` : `${value.toFixed(value < 10 ? 1 : 0)} ${units[at]}`;
}

/** A time span as people read it: `4 s`, `3 min`, `5 h 12 min`, `2 d 3 h`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
