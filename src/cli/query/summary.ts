import type { AnswerCounts, Answers, HostAnswer } from '../../console/answers.ts';
import { counted, printable } from '../../replay/printable.ts';
import { bar } from './live-line.ts';

/** Why a query was over. */
export type QueryEnd =
  | { readonly by: 'complete' | 'first' | 'interrupted' | 'output-closed' }
  /** The Zeek has ended it; it says why. */
  | { readonly by: 'zeek'; readonly reason: string };

/** Names that are listed before the rest is counted. */
const LISTED = 5;

/** How far a query is, in a line. */
export function progressText(counts: AnswerCounts, seconds: number): string {
  if (!counts.isAsked) return `${counted(counts.asked, 'host')} asked so far, ${seconds} s`;
  const settled = counts.asked - counts.silent;
  return `${bar(settled, counts.asked)}  ${countsText(counts)}, ${seconds} s`;
}

function countsText({ asked, answered, failed, absent, silent, rows }: AnswerCounts): string {
  const parts = [
    `${answered} answered`,
    ...(failed > 0 ? [`${failed} refused or failed`] : []),
    ...(absent > 0 ? [`${absent} not there`] : []),
    ...(silent > 0 ? [`${silent} silent`] : []),
    counted(rows, 'row'),
  ];
  return `${counted(asked, 'host')} asked: ${parts.join(', ')}`;
}

/** What came of a query, for people. */
export function summaryLines(answers: Answers, end: QueryEnd, seconds: number): string[] {
  const { counts } = answers;
  return [
    ...(end.by === 'zeek' && !/^time is over/.test(end.reason)
      ? [`ended by Zeek: ${printable(end.reason)}`]
      : []),
    ...(end.by === 'interrupted' ? ['interrupted; nothing is left running'] : []),
    ...byReason(answers.hosts('failed', 'absent', 'lost')),
    ...silentLine(answers.hosts('asked'), end),
    counts.asked === 0 && end.by !== 'interrupted'
      ? 'no connected host is meant by this'
      : `${countsText(counts)}, ${seconds.toFixed(1)} s`,
  ];
}

function byReason(hosts: readonly HostAnswer[]): string[] {
  const groups = Map.groupBy(hosts, ({ text }) => text);
  return [...groups].map(
    ([text, those]) => `${names(those)}: ${printable(text === '' ? 'no reason given' : text)}`,
  );
}

function silentLine(silent: readonly HostAnswer[], end: QueryEnd): string[] {
  if (silent.length === 0 || end.by === 'first') return [];
  const incomplete = silent.filter(({ rows }) => rows > 0).length;
  const some = incomplete > 0 ? `; ${incomplete} of them sent rows, and perhaps not all` : '';
  return [`no answer from ${names(silent)}${some}`];
}

function names(hosts: readonly HostAnswer[]): string {
  const first = hosts.slice(0, LISTED).map(({ id, name }) => printable(name || id));
  const more = hosts.length - first.length;
  return more > 0 ? `${first.join(', ')} and ${more} more` : first.join(', ');
}

/** The same as a JSON object. */
export function summaryJson(answers: Answers, end: QueryEnd, sql: string, seconds: number): string {
  const { asked, answered, failed, absent, silent, rows } = answers.counts;
  const list = (hosts: readonly HostAnswer[]) =>
    hosts.map(({ id, name, text }) => ({ host: id, hostname: name || id, ...(text !== '' && { text }) }));
  return JSON.stringify({
    query: sql,
    end: end.by === 'zeek' ? end.reason : end.by,
    seconds: Number(seconds.toFixed(3)),
    hosts: { asked, answered, failed, absent, silent },
    failed: list(answers.hosts('failed')),
    absent: list(answers.hosts('absent', 'lost')),
    silent: list(answers.hosts('asked')),
    row_count: rows,
  });
}

/** Exit codes of `query`, beside 1 (nothing was asked) and 130 (interrupted). */
export const INCOMPLETE = 3;
export const NO_HOSTS = 4;

export function exitCodeOf(counts: AnswerCounts, end: QueryEnd): number {
  if (end.by === 'interrupted') return 130;
  if (end.by === 'first' || end.by === 'output-closed') return 0;
  if (counts.asked === 0) return NO_HOSTS;
  return counts.answered === counts.asked ? 0 : INCOMPLETE;
}
