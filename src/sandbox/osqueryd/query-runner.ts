import { reasonOf } from '../../text/reason.ts';
import type { Clock } from './clock.ts';
import { unixTime } from './clock.ts';
import type { Config, ScheduleEntry } from './config/config.ts';
import type { Denylist } from './denylist.ts';
import { differentialRun, eventRun, type Run } from './differential.ts';
import { escapeRow } from './escape.ts';
import type { Flags } from './flags.ts';
import type { Loggers } from './logging/loggers.ts';
import {
  batchLine,
  eventLines,
  type LineFormat,
  type LineHead,
  snapshotEventLines,
  snapshotLine,
} from './logging/result-lines.ts';
import type { StatusLog } from './logging/status-log.ts';
import type { QueryStore } from './query-store.ts';
import { cellText, type TypedRow } from './sql/cell.ts';
import type { QueryOutcome, SqlEngine } from './sql/engine.ts';
import type { Table } from './sql/table.ts';
import { type ExtensionStatus, success } from './thrift/messages.ts';

/** What osquery_schedule tells of a query. */
export interface Performance {
  readonly executions: number;
  readonly lastExecuted: number;
  readonly outputSize: number;
  readonly wallTimeMs: number;
  readonly lastWallTimeMs: number;
}

export const NO_PERFORMANCE: Performance = {
  executions: 0,
  lastExecuted: 0,
  outputSize: 0,
  wallTimeMs: 0,
  lastWallTimeMs: 0,
};

export interface QueryRunnerOptions {
  readonly clock: Clock;
  readonly config: Config;
  readonly denylist: Denylist;
  readonly engine: SqlEngine;
  readonly flags: Flags;
  readonly log: StatusLog;
  readonly loggers: Loggers;
  readonly store: QueryStore;
  readonly hostIdentifier: () => string;
  /** Gives a scheduled query its own place in an event table. */
  readonly eventsFor: (table: Table, query: string) => Table;
  /** osqueryd ends with code 78 and this message. */
  readonly fail: (message: string) => void;
}

/** Runs queries of the schedule and logs what they found. */
export class QueryRunner {
  readonly #options: QueryRunnerOptions;
  readonly #performance = new Map<string, Performance>();

  constructor(options: QueryRunnerOptions) {
    this.#options = options;
  }

  performance(name: string): Performance {
    return this.#performance.get(name) ?? NO_PERFORMANCE;
  }

  /** Whether the denylist keeps it from running; it lets queries of nothing but event tables run. */
  isDenied({ name, query }: ScheduleEntry): boolean {
    const { clock, denylist, flags } = this.#options;
    if (!query.denylist || !denylist.isDenied(name, unixTime(clock))) return false;
    return flags.bool('events_enforce_denylist') || !this.#readsEventsOnly(query.query);
  }

  /** The caller holds the schedule lock. */
  async launch(entry: ScheduleEntry): Promise<void> {
    const { clock, denylist, engine, fail, log } = this.#options;
    const { name, query } = entry;
    if (this.isDenied(entry)) {
      const what = `The caller does not want denied queries, skipping denied scheduled query: ${name}`;
      if (denylist.isNews(name)) log.warning('config.cpp', 509, what);
      return;
    }
    log.verbose('scheduler.cpp', 120, `Executing scheduled query ${name}: ${query.query}`);
    const decorations = await this.#decorations();
    const started = clock.now();
    let outcome: QueryOutcome | undefined;
    denylist.started(name);
    try {
      const table = (source: Table) => this.#options.eventsFor(source, name);
      outcome = await engine.query(query.query, { table });
    } catch (error) {
      const message = reasonOf(error);
      log.error('scheduler.cpp', 128, `Error executing scheduled query ${name}: ${message}`);
      return;
    } finally {
      denylist.finished();
      // A run that failed counts as one.
      this.#record(name, outcome?.rows ?? [], clock.now() - started);
    }
    const head = this.#head(name, decorations);
    const status = query.snapshot
      ? await this.#logSnapshot(head, outcome.rows)
      : await this.#logChanges(entry, head, outcome);
    if (status.code !== 0) fail(`Error logging the results of query: ${name}: ${status.message}`);
  }

  #readsEventsOnly(sql: string): boolean {
    const { engine } = this.#options;
    try {
      const tables = engine.tablesOf(sql);
      return tables.length > 0 && tables.every((name) => engine.table(name)?.eventBased);
    } catch {
      return false;
    }
  }

  async #logSnapshot(head: LineHead, rows: readonly TypedRow[]): Promise<ExtensionStatus> {
    const { flags, loggers } = this.#options;
    const format = this.#format();
    const lines = flags.bool('logger_snapshot_event_type')
      ? snapshotEventLines({ ...head, counter: 0 }, rows, format)
      : [snapshotLine({ ...head, counter: 0 }, rows, format)];
    let last = success();
    for (const line of lines) last = await loggers.snapshot(line);
    return last;
  }

  async #logChanges(entry: ScheduleEntry, head: LineHead, outcome: QueryOutcome): Promise<ExtensionStatus> {
    const { flags, log, loggers } = this.#options;
    const run = this.#differ(entry, head.epoch, outcome);
    if (!run) return success();
    const removed = entry.query.removed ? run.removed : [];
    if (removed.length === 0 && run.added.length === 0 && run.counter !== 0) return success();
    log.verbose('scheduler.cpp', 201, `Found results for query: ${entry.name}`);
    const changes = { removed, added: run.added };
    const ownHead = { ...head, counter: run.counter };
    const lines = flags.bool('logger_event_type')
      ? eventLines(ownHead, changes, this.#format())
      : [batchLine(ownHead, changes, this.#format())];
    // The status of the last line is the one that counts.
    let last = success();
    for (const line of lines) last = await loggers.string(line);
    return last;
  }

  /** The run's changes, its state kept before anything is logged, as osqueryd does. */
  #differ({ name, query }: ScheduleEntry, epoch: number, outcome: QueryOutcome): Run | undefined {
    const { clock, fail, flags, log, store } = this.#options;
    const rows = outcome.rows.map(escapeRow);
    const previous = store.query(name);
    const differ = outcome.eventBased && flags.bool('events_optimize') ? eventRun : differentialRun;
    try {
      const run = differ(previous, query.query, epoch, rows);
      const notes = {
        first: [119, `Storing initial results for new scheduled query: ${name}`],
        epoch: [123, `New Epoch ${epoch} for scheduled query ${name}`],
        sql: [129, `Scheduled query has been updated: ${name}`],
      } as const;
      if (run.note !== undefined) {
        const [line, message] = notes[run.note];
        log.info('query.cpp', line, message);
      }
      if (run.state) store.setQuery(name, run.state, unixTime(clock));
      else store.touch(name, unixTime(clock));
      return run;
    } catch (error) {
      const message = reasonOf(error);
      fail(`Error adding new results to database for query ${name}: ${message}`);
      return undefined;
    }
  }

  async #decorations(): Promise<readonly (readonly [string, string])[]> {
    const { config, engine, flags, log } = this.#options;
    if (flags.bool('disable_decorators')) return [];
    const found = new Map<string, string>();
    for (const sql of config.decorators()) {
      try {
        const { rows } = await engine.query(sql);
        for (const [name, cell] of rows[0] ?? []) found.set(name, cellText(cell));
      } catch {
        log.warning('decorators.cpp', 211, `Decorator query failed: ${sql}`);
      }
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #head(name: string, decorations: LineHead['decorations']): LineHead {
    const { clock, flags, hostIdentifier } = this.#options;
    return {
      name,
      hostIdentifier: hostIdentifier(),
      unixTime: unixTime(clock),
      epoch: flags.number('schedule_epoch'),
      counter: 0,
      decorations,
    };
  }

  #format(): LineFormat {
    const { flags } = this.#options;
    return {
      numerics: flags.bool('logger_numerics'),
      decorationsTopLevel: flags.bool('decorations_top_level'),
    };
  }

  #record(name: string, rows: readonly TypedRow[], tookMs: number): void {
    const before = this.performance(name);
    const size = rows.reduce(
      (sum, row) => sum + row.reduce((all, [key, cell]) => all + key.length + cellText(cell).length, 0),
      0,
    );
    this.#performance.set(name, {
      executions: before.executions + 1,
      lastExecuted: unixTime(this.#options.clock),
      outputSize: before.outputSize + size,
      wallTimeMs: before.wallTimeMs + tookMs,
      lastWallTimeMs: tookMs,
    });
  }
}
