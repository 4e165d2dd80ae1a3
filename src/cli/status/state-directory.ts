import { join } from 'node:path';
import { readCursors } from '../../delivery/cursor-store.ts';
import { countPendingRows } from '../../delivery/pending-rows-store.ts';
import { storedSegments } from '../../delivery/segment-files-store.ts';
import { readLog } from '../../event-log/event-log-reader-store.ts';
import { counted, formatTime, printable } from '../../replay/printable.ts';
import { stateAt } from '../../replay/replay.ts';
import { executions, type ScheduleState, subscriptions, subscriptionsOf } from '../../schedule/schedule.ts';
import { reasonOf } from '../../text/reason.ts';
import { formatGap } from '../../vocabulary/gap-text.ts';
import type { Gap } from '../../vocabulary/model.ts';
import { columns } from './columns.ts';
import { bytes } from './format.ts';

/** What a state directory tells while nobody is at work in it. */
export interface StoredState {
  readonly directory: string;
  readonly eventLog:
    | { readonly seq: number; readonly unfinished: string | null }
    | { readonly problem: string };
  readonly journal: { readonly bytes: number; readonly segments: number } | { readonly problem: string };
  readonly bros: readonly StoredBro[];
}

export interface StoredBro {
  readonly peer: string;
  readonly subscriptions: number;
  /** Milliseconds since the epoch; null if it was there to the end, or never. */
  readonly lostAt: number | null;
  /** It has, or will never get, all rows numbered below; null without a cursor. */
  readonly cursor: number | null;
  /** Rows in the journal that it has not confirmed; null where the journal or the event log can't be read. */
  readonly pendingRows: number | null;
  readonly gap: Gap | null;
}

/** Reads what is there, and changes nothing. Never rejects: what can't be read is said. */
export async function readStoredState(directory: string): Promise<StoredState> {
  const [log, segments, cursors] = await Promise.all([
    orProblem(readState(directory)),
    orProblem(storedSegments(join(directory, 'journal'))),
    readCursors(join(directory, 'delivery')).catch(() => undefined),
  ]);
  const schedule = 'problem' in log ? undefined : log.state;
  const peers = new Set([...Object.keys(schedule?.bros ?? {}), ...(cursors?.keys() ?? [])]);
  const positions = new Map([...peers].map((peer) => [peer, cursors?.get(peer)?.position ?? 0]));
  const pending = schedule && (await pendingRows(directory, schedule, positions));
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
        pendingRows: pending?.get(peer) ?? null,
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

/** Undefined where the journal can't be read. */
async function pendingRows(
  directory: string,
  schedule: ScheduleState,
  cursors: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, number> | undefined> {
  const peers = new Map(
    [...subscriptions(schedule), ...executions(schedule)].map(({ name, peer }) => [name, peer]),
  );
  return countPendingRows(join(directory, 'journal'), {
    cursors,
    peerOf: (name) => peers.get(name),
    yieldControl: () => new Promise((resolve) => setImmediate(resolve)),
  }).catch(() => undefined);
}

export function formatStoredState({ directory, eventLog, journal, bros }: StoredState): string[] {
  return [
    `Contents of ${printable(directory)}:`,
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
    ...bros.flatMap((bro) => formatBro(bro)),
  ];
}

function formatBro({ peer, subscriptions, lostAt, cursor, pendingRows, gap }: StoredBro): string[] {
  const away = lostAt === null ? '' : `, away since ${formatTime(lostAt)}`;
  const rows =
    pendingRows === null
      ? 'it is not known how many rows wait for it'
      : `${counted(pendingRows, 'row')} ${pendingRows === 1 ? 'waits' : 'wait'} for it`;
  const at = cursor === null ? 'has confirmed nothing' : `has confirmed all rows below ${cursor}`;
  return [
    `  Zeek ${printable(peer)}: ${counted(subscriptions, 'subscription')}${away}; it ${at}, ${rows}`,
    ...(gap === null ? [] : [`    to be reported: ${printable(formatGap(gap))}`]),
  ];
}
