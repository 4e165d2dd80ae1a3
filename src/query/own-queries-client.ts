import type { Logger } from 'pino';
import type { Courier } from '../delivery/courier.ts';
import type { ScheduleChange } from '../delivery/deliverables.ts';
import { isEventTable } from '../osquery/event-tables.ts';
import type { ManagerClient } from '../osquery/manager-client.ts';
import type { Row } from '../osquery/row.ts';
import { Semaphore } from '../osquery/semaphore.ts';
import type { Subscription } from '../schedule/schedule.ts';
import { isForOsquery, type RowSource, type Translation } from '../schedule/translation.ts';
import { encodeText } from '../text/byte-text.ts';
import { reasonOf } from '../text/reason.ts';
import type { Host } from '../vocabulary/model.ts';
import { agentRow } from '../zeek-agent/agent-row.ts';
import { READING_LIMITS, ReadingError, readFileRows } from '../zeek-agent/file-store.ts';
import { filled, plainColumns, type SourceRow, sourceColumns } from '../zeek-agent/filled.ts';
import { changesBetween, differenceLine, snapshotLine } from '../zeek-agent/own-lines.ts';
import type { OwnLog } from '../zeek-agent/own-log.ts';
import { readSystemLog, type SystemLogOptions } from '../zeek-agent/system-log-client.ts';
import { type OwnResult, OwnResultsStore } from './own-results-store.ts';

export interface OwnQueriesParts {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** What this process has logged. */
  readonly ownLog: Pick<OwnLog, 'since'>;
  /** Says something to a Bro. */
  /** A query could not run, for another reason than before. */
  readonly onFailed: (name: string, reason: string) => void;
  /** It has run again, or for the first time. */
  readonly onWorks: (name: string) => void;
  readonly client: Pick<ManagerClient, 'query'>;
  readonly courier: Courier;
  /** The state directory. */
  readonly directory: string;
  /** Undefined until osquery has described it. */
  readonly host: () => Host | undefined;
  readonly systemLog: SystemLogOptions;
}

/** What one run of a statement gave. */
interface Evaluated {
  readonly rows: readonly Row[];
  readonly cursor: string | null;
}

/** Characters of a statement with its rows that osquery's SQLite takes (SQLITE_MAX_SQL_LENGTH, less some). */
const LONGEST_STATEMENT = 900_000;

interface Running {
  readonly subscription: Subscription;
  readonly eventBased: boolean;
  /** How far the log of this process has been read. */
  logCursor: number | undefined;
  timer: NodeJS.Timeout | undefined;
  result: OwnResult | undefined;
  /** Of the last run; undefined before the first, empty for none. */
  failure: string | undefined;
  lastRun: number | undefined;
}

/**
 * Runs the queries whose rows osquery has no table for: lines and fields of files, the system's log, what this agent is.
 * Results go the way of osquery's own, as lines of its result log; what is kept of the last run makes differences of the
 * next, also over a restart.
 */
export class OwnQueries {
  readonly #parts: OwnQueriesParts;
  readonly #store: OwnResultsStore;
  readonly #running = new Map<string, Running>();
  /** One at a time: reading is not to keep this process from its other work. */
  readonly #places = new Semaphore(1);
  readonly #startedAt: number;

  constructor(parts: OwnQueriesParts) {
    this.#parts = parts;
    this.#store = new OwnResultsStore(parts.directory);
    this.#startedAt = parts.now();
  }

  /** Begins with what the schedule has. */
  async start(subscriptions: readonly Subscription[]): Promise<void> {
    const names = new Set(subscriptions.filter((one) => !isForOsquery(one)).map(({ name }) => name));
    await this.#store.retain((name) => names.has(name) || this.#running.has(name));
    for (const subscription of subscriptions) this.#add(subscription);
  }

  /** The schedule has changed. */
  readonly take = ({ added, removed }: ScheduleChange): void => {
    for (const name of removed) {
      const running = this.#running.get(name);
      if (!running) continue;
      clearTimeout(running.timer);
      this.#running.delete(name);
      void this.#store.remove(name).catch(() => {});
    }
    for (const subscription of added) this.#add(subscription);
  };

  /** When each query last ran: milliseconds since the epoch, by name. */
  lastRuns(): readonly (readonly [name: string, at: number])[] {
    return [...this.#running].flatMap(([name, { lastRun }]) =>
      lastRun === undefined ? [] : [[name, lastRun] as const],
    );
  }

  stop(): void {
    for (const { timer } of this.#running.values()) clearTimeout(timer);
    this.#running.clear();
  }

  /** Runs a statement once. Of the system's log it has nothing: there is no time since which. Rejects with the reason. */
  async evaluateOnce(translation: Translation): Promise<readonly Row[]> {
    return (await this.#inTurn(() => this.#evaluate(translation, undefined, { logCursor: undefined }))).rows;
  }

  #add(subscription: Subscription): void {
    if (isForOsquery(subscription) || this.#running.has(subscription.name)) return;
    const running: Running = {
      subscription,
      eventBased:
        subscription.tables.some(isEventTable) ||
        (subscription.translation?.sources.some(({ kind }) => kind === 'agent-log') ?? false),
      // What comes from now on.
      logCursor: this.#parts.ownLog.since(undefined).cursor,
      timer: undefined,
      result: undefined,
      failure: undefined,
      lastRun: undefined,
    };
    this.#running.set(subscription.name, running);
    void this.#run(running);
  }

  async #run(running: Running): Promise<void> {
    const { name, query } = running.subscription;
    const began = this.#parts.now();
    try {
      await this.#inTurn(() => this.#runNow(running));
      // The schedule may still have a failure of the process before.
      if (running.failure !== '') this.#parts.onWorks(name);
      running.failure = '';
    } catch (error) {
      const reason = reasonOf(error);
      if (running.failure !== reason && this.#isOn(running)) {
        this.#parts.log.warn({ area: 'schedule', name }, `a query could not run: ${reason}`);
        this.#parts.onFailed(name, reason);
      }
      running.failure = reason;
    }
    if (!this.#isOn(running)) return;
    const pause = Math.max(0, query.interval * 1_000 - (this.#parts.now() - began));
    running.timer = setTimeout(() => void this.#run(running), pause);
  }

  #isOn(running: Running): boolean {
    return this.#running.get(running.subscription.name) === running;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const place = this.#places.enter();
    await place.turn;
    try {
      return await work();
    } finally {
      place.leave();
    }
  }

  async #runNow(running: Running): Promise<void> {
    const { subscription, eventBased } = running;
    const { name, query, translation } = subscription;
    if (!translation || !this.#isOn(running)) return;
    running.result ??= await this.#store.load(name);
    const { result } = running;
    const { rows, cursor } = await this.#evaluate(translation, result?.cursor ?? null, running);
    if (!this.#isOn(running)) return;
    running.lastRun = this.#parts.now();
    const isSnapshot = query.updateType === 'SNAPSHOT';
    const changes = eventBased ? { removed: [], added: rows } : changesBetween(result?.rows ?? [], rows);
    const isNews = isSnapshot || changes.added.length > 0 || changes.removed.length > 0;
    const counter = result ? result.counter + 1 : 0;
    if (isNews) {
      const unixTime = Math.floor(this.#parts.now() / 1_000);
      const hostIdentifier = this.#parts.host()?.hostname ?? '';
      const line = isSnapshot
        ? snapshotLine({ name, hostIdentifier, unixTime, counter: 0 }, rows)
        : differenceLine({ name, hostIdentifier, unixTime, counter }, changes);
      const taken = await this.#parts.courier.take({ kind: 'log', header: null, payload: Buffer.from(line) });
      if (!taken.accepted) throw new Error(`its rows could not be stored: ${taken.message}`);
    }
    const next: OwnResult = {
      counter: isNews ? counter : (result?.counter ?? 0),
      rows: eventBased || isSnapshot ? [] : rows,
      cursor,
    };
    const isSame = result !== undefined && !isNews && result.cursor === cursor;
    running.result = next;
    if (!isSame && this.#isOn(running)) await this.#store.save(name, next);
  }

  /** `cursor`: where the reading of the system's log begins; undefined where it is not to be read. */
  async #evaluate(
    translation: Translation,
    cursor: string | null | undefined,
    own: Pick<Running, 'logCursor'>,
  ): Promise<Evaluated> {
    const rows = new Map<string, readonly SourceRow[]>();
    let next = cursor ?? null;
    for (const source of translation.sources) {
      if (source.kind === 'system-log') {
        if (cursor === undefined) continue;
        const read = await readSystemLog(cursor, this.#parts.systemLog);
        next = read.cursor;
        rows.set(source.name, read.rows);
      } else if (source.kind === 'agent-log') {
        const read = this.#parts.ownLog.since(own.logCursor);
        own.logCursor = read.cursor;
        rows.set(source.name, read.rows);
      } else rows.set(source.name, await this.#rowsOf(source));
    }
    return { rows: await this.#applied(translation, (source) => rows.get(source.name) ?? []), cursor: next };
  }

  async #rowsOf(
    source: Exclude<RowSource, { readonly kind: 'system-log' | 'agent-log' }>,
  ): Promise<readonly SourceRow[]> {
    if (source.kind !== 'agent') return readFileRows(source, READING_LIMITS, this.#parts.now);
    const host = this.#parts.host();
    if (!host) throw new Error('osquery has not described this host yet');
    return [agentRow(host, this.#parts.now() - this.#startedAt)];
  }

  /** The statement over these rows: by osquery, or, where it does nothing but name columns, right here. */
  async #applied(
    translation: Translation,
    rowsOf: (source: RowSource) => readonly SourceRow[],
  ): Promise<readonly Row[]> {
    const plain = plainColumns(translation);
    const [source] = translation.sources;
    if (plain && source) {
      const columns = sourceColumns(source);
      const places = plain.map(({ name, column }) => [name, columns.indexOf(column)] as const);
      return rowsOf(source).map((row) =>
        Object.fromEntries(places.map(([name, place]) => [name, row[place] ?? ''])),
      );
    }
    const sql = filled(translation, rowsOf);
    if (encodeText(sql).length > LONGEST_STATEMENT) {
      throw new ReadingError(
        `the rows that the statement reads make it longer than ${LONGEST_STATEMENT} bytes, which osquery does not take; without conditions and joins it may read more`,
      );
    }
    return this.#parts.client.query(sql);
  }
}
