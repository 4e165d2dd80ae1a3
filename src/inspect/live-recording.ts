import type { InspectionEvent } from 'xstate';
import type { Replayable } from '../replay/replay.ts';
import type { ScheduleEvent } from '../schedule/events.ts';
import type { ScheduleState } from '../schedule/schedule.ts';
import type { Entry, RowCounts, RowsEntry } from './entries.ts';
import { FactFollower } from './fact-follower.ts';
import type { RecentEvents } from './recent-events.ts';
import { Recording } from './recording.ts';

/** A running extension, for eyes. */
export interface LiveParts {
  /** Its steps and messages, those of the last minutes too. */
  readonly recent: RecentEvents;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The number of the last fact in the log; 0 until it is open. */
  readonly lastSeq: () => number;
  /** The log as it is now. */
  readonly history: () => Promise<Replayable>;
  readonly counts: () => readonly RowCounts[];
  /** Since when the oldest row of each Bro waits; null if none does. */
  readonly senders: () => readonly { readonly peer: string; readonly oldestAt: number | null }[];
  /** When osquery last ran each query: milliseconds since the epoch, by name. */
  readonly lastRuns: () => Promise<ReadonlyMap<string, number>>;
}

/** Something that is looked at, from now until `close`. */
export interface OpenRecording {
  readonly recording: Recording;
  readonly close: () => void;
}

/** Milliseconds between two questions to osquery when it ran what, while somebody looks. */
const RUNS_INTERVAL = 10_000;

const MANAGER = 'schedule-manager';

/** What is looked at of the schedule manager's context: what it has decided, and the schedule in force. */
interface ManagerContext {
  readonly schedule: ScheduleState;
  readonly decided: { readonly events: readonly ScheduleEvent[] };
}

/**
 * Listens to a running extension: the facts so far, between them the steps and messages that are still kept, and all
 * that happens from now on.
 * @param onProblem the log could not be read; what happens from now on is shown all the same
 */
export function openLive(parts: LiveParts, onProblem: (error: unknown) => void): OpenRecording {
  const { recent, now, lastSeq } = parts;
  const recording = new Recording(null);
  const follower = new FactFollower();
  /** What happens while the log is read comes after what it says. */
  let waiting: (() => void)[] | null = [];
  const put = (work: () => void) => {
    if (waiting) waiting.push(work);
    else work();
  };
  const upTo = lastSeq();
  const past = recent.entries;
  recording.earlier = recent.isCut ? 'discarded' : 'unseen';

  function takeManager(event: InspectionEvent): void {
    if (event.type !== '@xstate.snapshot' || !('machine' in event.snapshot)) return;
    const { machine, value, context } = event.snapshot as unknown as {
      readonly machine: { readonly id: string };
      readonly value: unknown;
      readonly context: ManagerContext;
    };
    if (machine.id !== MANAGER) return;
    const seq = lastSeq();
    const { type } = event.event;
    if (type === 'xstate.init') put(() => recording.rebase(context.schedule, seq));
    const facts = follower.take({ event: type, state: value, decided: context.decided });
    // One decision is appended at a time: the log's end is that of this one.
    for (const [index, fact] of facts.entries()) {
      const own = seq - facts.length + 1 + index;
      put(() => {
        if (own > recording.lastSeq) recording.addFact(fact, own);
      });
    }
  }

  const stop = recent.listen({
    take(entry, event) {
      if (event) takeManager(event);
      put(() => recording.add(entry));
    },
  });
  let latest = '';
  let runs: RowsEntry['runs'] = {};
  const askForRuns = () => {
    const take = (found: ReadonlyMap<string, number>) => {
      runs = Object.fromEntries(found);
    };
    // An osqueryd that is away runs nothing.
    parts.lastRuns().then(take, () => take(new Map()));
  };
  askForRuns();
  const asks = setInterval(askForRuns, RUNS_INTERVAL);
  const look = () => {
    const counts = parts.counts().map(countsOf);
    const oldest = Object.fromEntries(
      parts.senders().flatMap(({ peer, oldestAt }) => (oldestAt === null ? [] : [[peer, oldestAt]])),
    );
    const text = JSON.stringify([counts, runs, oldest]);
    if (text === latest) return;
    latest = text;
    const at = now();
    put(() => recording.add({ kind: 'rows', at, counts, runs, oldest }));
  };
  const looks = setInterval(look, 1_000);

  const merge = mergeInto(recording, past);
  void readHistory(parts, recording, { upTo, before: merge.until })
    .catch(onProblem)
    .then(() => {
      merge.until(Number.POSITIVE_INFINITY);
      const works = waiting ?? [];
      waiting = null;
      for (const work of works) work();
      look();
    });
  return {
    recording,
    close() {
      stop();
      clearInterval(looks);
      clearInterval(asks);
    },
  };
}

/** Adds those entries in order, each before the first fact that is later. */
function mergeInto(
  recording: Recording,
  entries: readonly Entry[],
): { readonly until: (time: number) => void } {
  let next = 0;
  return {
    until(time) {
      for (let entry = entries[next]; entry && entry.at < time; entry = entries[next]) {
        recording.add(entry);
        next += 1;
      }
    },
  };
}

async function readHistory(
  { history }: LiveParts,
  recording: Recording,
  { upTo, before }: { readonly upTo: number; readonly before: (time: number) => void },
): Promise<void> {
  if (upTo === 0) return;
  const log = await history();
  if (log.base) recording.rebase(log.base.state, log.base.seq);
  for await (const record of log.records) {
    if (record.seq > upTo) return;
    before(record.time);
    recording.addRecord(record);
  }
}

function countsOf(counts: RowCounts): RowCounts {
  const { peer, name, taken, refused, sent, confirmed, dropped, skipped, pending } = counts;
  return { peer, name, taken, refused, sent, confirmed, dropped, skipped, pending };
}
