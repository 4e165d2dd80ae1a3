import { eventOf, type LogRecord } from '../event-log/record.ts';
import type { SuspensionReason } from '../schedule/breaker.ts';
import type { ScheduleEvent } from '../schedule/events.ts';
import { suspensionOf } from '../schedule/suspensions.ts';
import type { Query, RepeatedQuery } from '../vocabulary/model.ts';
import { formatEnding, formatQuery, formatSuspension, inWords } from './format.ts';
import { isAfter, type Point } from './point.ts';
import { printable } from './printable.ts';
import { forget, queriesOf, type Replayable, remember } from './replay.ts';

/** Why a query runs, ran, or doesn't: its life from the request to the end. */
export interface Life {
  /** The name that osquery knows it under; null for a request that was refused. */
  readonly name: string | null;
  readonly peer: string;
  readonly query: Query | RepeatedQuery;
  /** How it stands at the end, in a sentence. */
  readonly verdict: string;
  readonly runs: boolean;
  /** What happened to it, its Bro and the schedule meanwhile, in order; the middle of a long life is left out. */
  readonly story: readonly Line[];
  readonly leftOut: number;
}

export interface Line {
  readonly record: Pick<LogRecord, 'seq' | 'time' | 'cause'>;
  readonly words: string;
}

export interface Explanation {
  readonly lives: readonly Life[];
  /** Older lives than those, which ended or were refused. */
  readonly olderLives: number;
}

/** Most lives that are told; the newest are. */
const MAX_LIVES = 50;
/** Lines at the beginning and at the end of a life that are told. */
const MAX_LINES = 40;

/**
 * The lives of all queries that are meant by `subject`: a name given to osquery, or SQL or a part of it, in any
 * case and spacing. Bounded in memory, however long the log is.
 */
export async function explain(log: Replayable, subject: string, until: Point | null): Promise<Explanation> {
  const wanted = collapsed(subject);
  const isMeant = (name: string | null, query: Query | RepeatedQuery): boolean =>
    name === subject || (wanted !== '' && collapsed(query.sql).includes(wanted));
  const lives = new Lives();
  const queries = queriesOf(log.base);
  for (const [name, query] of queries) {
    const peer = peerOf(log, name);
    if (!isMeant(name, query)) continue;
    lives.begin(name, peer, query, log.base ? suspensionOf(log.base.state, name)?.reason : undefined);
  }
  for await (const record of log.records) {
    if (until && isAfter(record, until)) break;
    const event = eventOf(record);
    if (!event) continue;
    remember(queries, event);
    if (event.type === 'QuerySubscribed' || event.type === 'QueryExecuted') {
      if (isMeant(event.data.name, event.data.query)) {
        lives.begin(event.data.name, event.data.peer, event.data.query);
      }
    }
    const words = (): string => inWords(event, (name) => queries.get(name));
    if (event.type === 'QueryRefused' && event.data.query && isMeant(null, event.data.query)) {
      lives.refuse(record, event.data.peer, event.data.query, words(), event.data.text);
    } else {
      lives.tell(record, event, words);
    }
    forget(queries, event);
  }
  return lives.result();
}

function peerOf({ base }: Replayable, name: string): string {
  const bros = Object.values(base?.state.bros ?? {});
  return (
    bros.find((bro) => Object.hasOwn(bro.subscriptions, name))?.peer ??
    (Object.hasOwn(base?.state.executions ?? {}, name) ? base?.state.executions[name]?.peer : undefined) ??
    ''
  );
}

function collapsed(sql: string): string {
  return sql.trim().replace(/;+$/, '').replaceAll(/\s+/g, ' ').toLowerCase();
}

/** Lives as they go on. */
class Lives {
  readonly #running = new Map<string, LifeInProgress>();
  readonly #over: Life[] = [];
  #dropped = 0;

  begin(name: string, peer: string, query: Query | RepeatedQuery, suspension?: SuspensionReason): void {
    this.#running.set(name, new LifeInProgress(name, peer, query, suspension ?? null));
  }

  refuse(record: LogRecord, peer: string, query: Query | RepeatedQuery, words: string, text: string): void {
    const life = new LifeInProgress(null, peer, query, null);
    life.add({ record, words });
    this.#end(life.end(false, `it was refused: ${printable(text)}`));
  }

  /** Tells a fact in each life that it belongs to. */
  tell(record: LogRecord, event: ScheduleEvent, words: () => string): void {
    const name = 'name' in event.data ? event.data.name : null;
    if (name === null) {
      for (const life of this.#running.values()) {
        if (life.concerns(event)) life.add({ record, words: words() });
      }
      return;
    }
    const life = this.#running.get(name);
    if (!life) return;
    life.watch(event);
    life.add({ record, words: words() });
    const verdict = endOf(event);
    if (verdict === null) return;
    this.#running.delete(name);
    this.#end(life.end(false, verdict));
  }

  result(): Explanation {
    const running = [...this.#running.values()].map((life) => life.end(true, life.standing()));
    const all = [...this.#over, ...running];
    const told = all.slice(-MAX_LIVES);
    return { lives: told, olderLives: this.#dropped + all.length - told.length };
  }

  #end(life: Life): void {
    this.#over.push(life);
    if (this.#over.length <= MAX_LIVES) return;
    this.#over.shift();
    this.#dropped += 1;
  }
}

class LifeInProgress {
  readonly #name: string | null;
  readonly #peer: string;
  readonly #query: Query | RepeatedQuery;
  readonly #first: Line[] = [];
  readonly #last: Line[] = [];
  #leftOut = 0;
  #isDenylisted = false;
  #suspension: SuspensionReason | null;
  #failure = '';

  constructor(
    name: string | null,
    peer: string,
    query: Query | RepeatedQuery,
    suspension: SuspensionReason | null,
  ) {
    this.#suspension = suspension;
    this.#name = name;
    this.#peer = peer;
    this.#query = query;
  }

  /** Whether a fact that names no query belongs to it: comings and goings of its Bro, and what concerns the whole schedule. */
  concerns(event: ScheduleEvent): boolean {
    switch (event.type) {
      case 'BroConnected':
      case 'BroLost':
      case 'ResyncCompleted':
      case 'BroExpired':
      case 'BroRemoved':
      case 'RowsDropped':
        return event.data.peer === this.#peer;
      case 'ExtensionStarted':
      case 'ExtensionStopped':
      case 'ScheduleRefused':
      case 'OsquerydDied':
        return true;
      case 'SuspectsHalved':
        return this.#name !== null && event.data.suspects.includes(this.#name);
      default:
        return false;
    }
  }

  add(line: Line): void {
    if (this.#first.length < MAX_LINES) {
      this.#first.push(line);
      return;
    }
    this.#last.push(line);
    if (this.#last.length <= MAX_LINES) return;
    this.#last.shift();
    this.#leftOut += 1;
  }

  standing(): string {
    if (!('interval' in this.#query)) return 'its rows are pending';
    if (this.#suspension !== null) {
      return `it is left out of osquery's schedule: ${formatSuspension(this.#suspension)}`;
    }
    if (this.#failure !== '') {
      return `it is in the schedule, but osquery can't run it: ${printable(this.#failure)}`;
    }
    return this.#isDenylisted
      ? "it is in the schedule, but osquery's watchdog keeps it from running"
      : 'it runs';
  }

  end(runs: boolean, verdict: string): Life {
    return {
      name: this.#name,
      peer: this.#peer,
      query: this.#query,
      verdict,
      runs,
      story: [...this.#first, ...this.#last],
      leftOut: this.#leftOut,
    };
  }

  watch({ type, data }: ScheduleEvent): void {
    if (type === 'QueryDenylisted') this.#isDenylisted = true;
    if (type === 'QueryReleased') this.#isDenylisted = false;
    if (type === 'QueryFailing') this.#failure = data.text;
    if (type === 'QueryRecovered') this.#failure = '';
    if (type === 'QuerySuspended') this.#suspension = data.reason;
    if (type === 'QueryResumed') this.#suspension = null;
  }
}

/** Why a life is over with this fact, or null if it isn't. */
function endOf(event: ScheduleEvent): string | null {
  switch (event.type) {
    case 'QueryUnsubscribed':
      return `it ended: ${formatEnding(event.data.reason, event.data.peer)}`;
    case 'ExecutionCompleted':
      return event.data.error === ''
        ? 'it ran once, and its rows were received'
        : `it ran once, and failed: ${printable(event.data.error)}`;
    case 'ExecutionCancelled':
      return event.data.reason === 'unanswered'
        ? 'it was given up: it was unanswered at too many starts of bro-osquery'
        : `it was given up: ${formatEnding(event.data.reason, event.data.peer)}`;
    default:
      return null;
  }
}

/** An explanation as lines of text: each life with its verdict first. `time` prints the time of a record. */
export function formatExplanation(
  { lives, olderLives }: Explanation,
  subject: string,
  time: (time: number) => string,
): string[] {
  if (lives.length === 0) return [`No Zeek has requested ${printable(subject)} in this log.`];
  const older = olderLives === 0 ? [] : [`${olderLives} older ones are omitted.`, ''];
  return [
    ...older,
    ...lives.flatMap((life, index) => [
      ...(index === 0 ? [] : ['']),
      `${life.name ?? 'refused'}: ${formatQuery(life.query)} of ${printable(life.peer)}`,
      `  ${capitalised(life.verdict)}.`,
      ...life.story.flatMap(({ record, words }, at) => [
        ...(life.leftOut > 0 && at === MAX_LINES ? [`  … ${life.leftOut} more …`] : []),
        `  ${time(record.time)}  #${record.seq}  ${words}`,
      ]),
    ]),
  ];
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
