import { join } from 'node:path';
import { readCursors } from '../../delivery/cursor-store.ts';
import { storedSegments } from '../../delivery/segment-files-store.ts';
import { readLog } from '../../event-log/event-log-reader-store.ts';
import { counted, printable, timeInWords } from '../../replay/printable.ts';
import { stateAt } from '../../replay/replay.ts';
import { subscriptionsOf } from '../../schedule/schedule.ts';
import { reasonOf } from '../../text/reason.ts';
import { gapInWords } from '../../vocabulary/gap-words.ts';
import type { Gap } from '../../vocabulary/words.ts';
import { columns } from './columns.ts';
import { bytes } from './in-words.ts';

/** What a state directory tells while nobody is at work in it. */
export interface Remains {
  readonly directory: string;
  readonly eventLog:
    | { readonly seq: number; readonly unfinished: string | null }
    | { readonly problem: string };
  readonly journal: { readonly bytes: number; readonly segments: number } | { readonly problem: string };
  readonly bros: readonly RemainsOfBro[];
}

export interface RemainsOfBro {
  readonly peer: string;
  readonly subscriptions: number;
  /** Milliseconds since the epoch; null if it was there to the end, or never. */
  readonly lostAt: number | null;
  /** It has, or will never get, all rows numbered below; null without a cursor. */
  readonly cursor: number | null;
  /** Bytes of the journal, at the most, that it has not confirmed. */
  readonly unconfirmedBytes: number;
  readonly gap: Gap | null;
}

/** Reads what is there, and changes nothing. Never rejects: what can't be read is said. */
export async function lookAtRemains(directory: string): Promise<Remains> {
  const [log, segments, cursors] = await Promise.all([
    orProblem(readState(directory)),
    orProblem(storedSegments(join(directory, 'journal'))),
    readCursors(join(directory, 'delivery')).catch(() => undefined),
  ]);
  const schedule = 'problem' in log ? undefined : log.state;
  const lengths = 'problem' in segments ? [] : segments;
  const peers = new Set([...Object.keys(schedule?.bros ?? {}), ...(cursors?.keys() ?? [])]);
  return {
    directory,
    eventLog: 'problem' in log ? log : { seq: log.seq, unfinished: log.unfinished },
    journal:
      'problem' in segments
        ? segments
        : { bytes: segments.reduce((sum, one) => sum + one.bytes, 0), segments: segments.length },
    bros: [...peers].map((peer) => {
      const cursor = cursors?.get(peer);
      return {
        peer,
        subscriptions: schedule ? subscriptionsOf(schedule, peer).length : 0,
        lostAt: schedule?.bros[peer]?.lostAt ?? null,
        cursor: cursor?.position ?? null,
        unconfirmedBytes: bytesFrom(lengths, cursor?.position ?? 0),
        gap: cursor?.gap ?? null,
      };
    }),
  };
}

async function readState(directory: string) {
  const reading = await readLog(directory);
  const { state, seq } = await stateAt(reading, null);
  return { state, seq, unfinished: reading.unfinished() };
}

async function orProblem<T extends object>(work: Promise<T>): Promise<T | { readonly problem: string }> {
  try {
    return await work;
  } catch (error) {
    return { problem: reasonOf(error) };
  }
}

/** Bytes of the files that may hold rows numbered from there on. */
function bytesFrom(
  segments: readonly { readonly first: number; readonly bytes: number }[],
  position: number,
): number {
  return segments.reduce((sum, { bytes }, at) => {
    const following = segments[at + 1];
    return following && following.first <= position ? sum : sum + bytes;
  }, 0);
}

export function remainsInWords({ directory, eventLog, journal, bros }: Remains): string[] {
  return [
    `What ${printable(directory)} tells:`,
    ...columns(
      [
        [
          'event log',
          'problem' in eventLog
            ? printable(eventLog.problem)
            : `record ${eventLog.seq}${eventLog.unfinished === null ? '' : `, then ${eventLog.unfinished}`}`,
        ],
        [
          'journal',
          'problem' in journal
            ? printable(journal.problem)
            : `${bytes(journal.bytes)} in ${counted(journal.segments, 'file')}`,
        ],
      ],
      '  ',
    ),
    ...bros.flatMap((bro) => broInWords(bro)),
  ];
}

function broInWords({ peer, subscriptions, lostAt, cursor, unconfirmedBytes, gap }: RemainsOfBro): string[] {
  const away = lostAt === null ? '' : `, away since ${timeInWords(lostAt)}`;
  const at = cursor === null ? 'has confirmed nothing' : `has confirmed all rows below ${cursor}`;
  return [
    `  Zeek ${printable(peer)}: ${counted(subscriptions, 'subscription')}${away}; it ${at}, at most ${bytes(unconfirmedBytes)} are to come`,
    ...(gap === null ? [] : [`    it will be told: ${printable(gapInWords(gap))}`]),
  ];
}
