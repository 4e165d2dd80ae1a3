import { reasonOf } from '../../text/reason.ts';
import type { Clock } from './clock.ts';
import { type ConfigValue, parseJson } from './config/config-json.ts';
import type { Flags } from './flags.ts';
import { jsonText, rowJson } from './logging/result-lines.ts';
import type { StatusLog } from './logging/status-log.ts';
import type { TypedRow } from './sql/cell.ts';
import type { SqlEngine } from './sql/engine.ts';
import type { ExtensionResponse, StringMap } from './thrift/messages.ts';

export interface DistributedOptions {
  readonly clock: Clock;
  readonly engine: SqlEngine;
  readonly flags: Flags;
  readonly log: StatusLog;
  readonly query: (sql: string) => Promise<readonly TypedRow[]>;
  readonly call: (item: string, request: StringMap) => Promise<ExtensionResponse>;
}

/** Seconds between check-ins while accelerated. */
const ACCELERATED_INTERVAL = 5;

interface Answer {
  readonly id: string;
  readonly rows: readonly TypedRow[];
  readonly message: string;
  readonly tookMs: number;
}

/** The distributed queries: fetched from the plugin, run, answered (osquery.md 10, s16). */
export class Distributed {
  readonly #options: DistributedOptions;
  #acceleratedUntil = 0;

  constructor(options: DistributedOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, flags } = this.#options;
    while (!signal.aborted) {
      await this.checkIn();
      const accelerated = clock.now() < this.#acceleratedUntil;
      const seconds = accelerated ? ACCELERATED_INTERVAL : flags.number('distributed_interval');
      await clock.sleep(seconds * 1000, signal);
    }
  }

  async checkIn(): Promise<void> {
    const { call, flags } = this.#options;
    const plugin = flags.text('distributed_plugin');
    const { status, response } = await call(plugin, { action: 'getQueries' });
    const work = status.code === 0 ? parseJson(response[0]?.['results'] ?? '') : undefined;
    if (work?.kind !== 'object') return;
    this.#accelerate(work.members.get('accelerate'));
    const queries = textMembers(work.members.get('queries'));
    const wanted = await this.#discovered(queries, textMembers(work.members.get('discovery')));
    if (!wanted || wanted.size === 0) return;
    const answers: Answer[] = [];
    for (const [id, sql] of wanted) answers.push(await this.#answer(id, sql));
    await call(plugin, { action: 'writeResults', results: resultsJson(answers) });
  }

  #accelerate(value: ConfigValue | undefined): void {
    if (value?.kind !== 'number' || !/^\d+$/.test(value.text)) return;
    const seconds = Number(value.text);
    this.#options.log.verbose(
      'distributed.cpp',
      352,
      `Accelerating distributed query checkins for ${seconds} seconds`,
    );
    this.#acceleratedUntil = this.#options.clock.now() + seconds * 1000;
  }

  /** Queries whose discovery query has rows; one that fails takes the whole batch with it, silently. */
  async #discovered(
    queries: ReadonlyMap<string, string>,
    discovery: ReadonlyMap<string, string>,
  ): Promise<ReadonlyMap<string, string> | undefined> {
    const wanted = new Map<string, string>();
    for (const [id, sql] of queries) {
      const condition = discovery.get(id);
      if (condition === undefined) {
        wanted.set(id, sql);
        continue;
      }
      try {
        if ((await this.#options.query(condition)).length > 0) wanted.set(id, sql);
      } catch {
        return undefined;
      }
    }
    return wanted;
  }

  async #answer(id: string, sql: string): Promise<Answer> {
    const { clock, log, query } = this.#options;
    log.verbose('distributed.cpp', 173, `Executing distributed query: ${id}: ${sql}`);
    const started = clock.now();
    try {
      return { id, rows: await query(sql), message: '', tookMs: clock.now() - started };
    } catch (error) {
      const message = reasonOf(error);
      log.error('distributed.cpp', 187, `Error executing distributed query: ${id}: ${message}`);
      return { id, rows: [], message, tookMs: clock.now() - started };
    }
  }
}

function resultsJson(answers: readonly Answer[]): string {
  const object = (value: (answer: Answer) => string) =>
    `{${answers.map((answer) => `${jsonText(answer.id)}:${value(answer)}`).join(',')}}`;
  const stats = (answer: Answer) =>
    `{"wall_time_ms":${Math.round(answer.tookMs)},"user_time":0,"system_time":0,"memory":0}`;
  return [
    `{"queries":${object(({ rows }) => `[${rows.map((row) => rowJson(row, false)).join(',')}]`)}`,
    `"statuses":${object(({ message }) => (message === '' ? '0' : '1'))}`,
    `"messages":${object(({ message }) => jsonText(message))}`,
    `"stats":${object(stats)}}`,
  ].join(',');
}

function textMembers(value: ConfigValue | undefined): ReadonlyMap<string, string> {
  const members = value?.kind === 'object' ? [...value.members] : [];
  return new Map(
    members.flatMap(([name, item]) => (item.kind === 'string' ? [[name, item.text] as const] : [])),
  );
}
