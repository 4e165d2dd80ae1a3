import { EventLogError } from '../event-log/event-log-error.ts';
import { eventOf, type LogRecord } from '../event-log/record.ts';
import type { Snapshot } from '../event-log/snapshot.ts';
import type { ScheduleEvent } from '../schedule/events.ts';
import { fold } from '../schedule/evolve.ts';
import { executions, initialState, type ScheduleState, subscriptions } from '../schedule/schedule.ts';
import type { Query } from '../vocabulary/model.ts';
import { inWords } from './format.ts';
import { isAfter, isBefore, type Point } from './point.ts';

/** A log to replay: the state before its first record, if that is known, and its records. */
export interface Replayable {
  readonly base: Snapshot | null;
  readonly records: AsyncIterable<LogRecord>;
}

/** A record with what it says; `event` is null if only another version of this program knows its type. */
export interface Moment {
  readonly record: LogRecord;
  readonly event: ScheduleEvent | null;
  readonly words: string;
}

export interface TimelineOptions {
  /** The last moment; null: the end of the log. */
  readonly until: Point | null;
  /** Only what is about this Bro; null: everything. */
  readonly bro: string | null;
  /** The first moment; null: the log's beginning. */
  readonly since?: Point | null;
  /** Only facts of these types; undefined: all. */
  readonly types?: readonly string[] | undefined;
  /** Only what has this text in its words, whatever the case of letters; undefined: all. */
  readonly text?: string | undefined;
}

/** The log in words, record by record. Holds no more than the queries that run at the moment. */
export async function* timeline(log: Replayable, options: TimelineOptions): AsyncGenerator<Moment> {
  const { until, bro, since = null, types } = options;
  const text = options.text?.toLowerCase();
  const queries = queriesOf(log.base);
  for await (const record of log.records) {
    if (until && isAfter(record, until)) return;
    const event = eventOf(record);
    remember(queries, event);
    const isWanted =
      (bro === null || peersOf(record).includes(bro)) &&
      (since === null || !isBefore(record, since)) &&
      (types?.includes(record.type) ?? true);
    if (isWanted) {
      const words = event
        ? inWords(event, (name) => queries.get(name))
        : `${record.type}: not known to this version`;
      if (text === undefined || words.toLowerCase().includes(text)) yield { record, event, words };
    }
    forget(queries, event);
  }
}

/** The state at a moment (null: at the end), and how far the log was read for it. */
export async function stateAt(
  log: Replayable,
  until: Point | null,
): Promise<{ readonly state: ScheduleState; readonly seq: number }> {
  const [at] = await statesAt(log, [until]);
  return at ?? { state: initialState(), seq: 0 };
}

const FOLDED_AT_ONCE = 4096;

/**
 * The states at some moments, with one walk.
 * @throws EventLogError `bad-sequence` where the moments are not in the order of the log
 */
export async function statesAt(
  log: Replayable,
  points: readonly (Point | null)[],
): Promise<readonly { readonly state: ScheduleState; readonly seq: number }[]> {
  const states: { readonly state: ScheduleState; readonly seq: number }[] = [];
  let state = log.base?.state ?? initialState();
  let seq = log.base?.seq ?? 0;
  let events: ScheduleEvent[] = [];
  let last: LogRecord | undefined;
  const flush = (): void => {
    state = fold(state, events);
    events = [];
  };
  const take = (): void => {
    if (last && isPast(last, points[states.length] ?? null)) {
      // The records before the first moment are all before it: only a later moment can have been passed.
      throw new EventLogError(
        'bad-sequence',
        'the moments of the range are in the wrong order: name the earlier one first',
      );
    }
    flush();
    states.push({ state, seq });
  };
  for await (const record of log.records) {
    while (states.length < points.length && isPast(record, points[states.length] ?? null)) take();
    if (states.length === points.length) break;
    const event = eventOf(record);
    if (event) events.push(event);
    if (events.length >= FOLDED_AT_ONCE) flush();
    seq = record.seq;
    last = record;
  }
  while (states.length < points.length) take();
  return states;
}

function isPast(record: LogRecord, point: Point | null): boolean {
  return point !== null && isAfter(record, point);
}

/** The Bros that a fact is about, or that have brought it about. */
export function peersOf({ data, cause }: LogRecord): string[] {
  const named = typeof data === 'object' && data !== null && 'peer' in data ? data.peer : undefined;
  return [cause?.peer, named].filter((peer) => typeof peer === 'string');
}

/** The queries that run or wait at the beginning, by name. */
export function queriesOf(base: Snapshot | null): Map<string, Query> {
  if (!base) return new Map();
  return new Map(
    [...subscriptions(base.state), ...executions(base.state)].map(({ name, query }) => [name, query]),
  );
}

/** Keeps in mind what a fact names. */
export function remember(queries: Map<string, Query>, event: ScheduleEvent | null): void {
  if (event?.type === 'QuerySubscribed' || event?.type === 'QueryExecuted') {
    queries.set(event.data.name, event.data.query);
  }
}

/** Lets go of what has ended with a fact. */
export function forget(queries: Map<string, Query>, event: ScheduleEvent | null): void {
  switch (event?.type) {
    case 'QueryUnsubscribed':
    case 'ExecutionCompleted':
    case 'ExecutionCancelled':
      queries.delete(event.data.name);
      break;
    default:
  }
}
