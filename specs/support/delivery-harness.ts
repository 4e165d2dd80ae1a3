import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OnLeftOut } from '../../src/broker/connection.ts';
import { count, string } from '../../src/broker/data.ts';
import type { ZeekEvent } from '../../src/broker/zeek-event.ts';
import { Courier } from '../../src/delivery/courier.ts';
import { CursorStore } from '../../src/delivery/cursor-store.ts';
import { countsError, type DeliveryCounts } from '../../src/delivery/delivery-counts.ts';
import { type JournalOptions, JournalStore } from '../../src/delivery/journal-store.ts';
import type { MarkKeeper } from '../../src/delivery/marks.ts';
import type {
  CourierLimits,
  CourierPorts,
  Deliverable,
  DeliveryReport,
  Link,
} from '../../src/delivery/ports.ts';
import type { Gap, ResultRow, SentRows, UpdateType } from '../../src/vocabulary/model.ts';

/** A subscription of a Bro, named after both. */
export function subscription(
  peer: string,
  name: string,
  changes: { updateType?: UpdateType; initialRows?: boolean; eventBased?: boolean; topic?: string } = {},
): Deliverable {
  return {
    name,
    peer,
    columns: [{ name: 'n', type: 'BIGINT' }],
    query: {
      vocabulary: 'zeek-osquery',
      event: `ev_${name}`,
      sql: `SELECT n FROM ${name}`,
      cookie: `ev_${name}`,
      responseTopic: changes.topic ?? `/rows/${peer}`,
      updateType: changes.updateType ?? 'BOTH',
      initialRows: changes.initialRows ?? true,
      queryId: '',
      zeekInstance: '',
    },
    ...(changes.eventBased ? { eventBased: true } : {}),
  };
}

/** A row as its Bro got it. */
export interface Received {
  readonly name: string;
  readonly n: string;
  readonly sequence: number;
  readonly change: string;
}

/** A Bro at the other end of a link: keeps what it gets, confirms when it is told to. */
export class FakeLink implements Link {
  readonly batches: { readonly topic: string; readonly rows: readonly Received[] }[] = [];
  readonly markers: number[] = [];
  /** Runs after the first. */
  begins = 0;
  /** What the Bro has taken in: handed over before a confirmation. */
  taken = 0;
  confirms: 'at-once' | 'when-told' = 'at-once';
  /** What the scripts of the Bro do with a marker. */
  onMarker: ((sequence: number) => void) | undefined;
  /** What the transport has no form for, by the row's value. */
  readonly unsendable = new Set<string>();
  /** Values of rows that the Zeek refuses, which shows before the confirmation. */
  readonly refused = new Set<string>();
  #refusals: (() => void)[] = [];
  /** A link that takes no more: what is sent waits. */
  stuck = false;
  #waiting: { resolve: () => void; reject: (error: Error) => void; taken: number | undefined }[] = [];
  #broken: Error | undefined;

  get received(): Received[] {
    return this.batches.flatMap(({ rows }) => rows);
  }

  async send(topic: string, events: readonly ZeekEvent[], onLeftOut?: OnLeftOut): Promise<void> {
    if (this.#broken) throw this.#broken;
    if (topic === '/begin') this.begins += 1;
    else if (topic === '/marker') {
      this.markers.push(...events.map(sequenceOf));
      this.onMarker?.(this.markers.at(-1) ?? 0);
    } else {
      const rows = events.map(received);
      for (const [index, { n }] of rows.entries()) {
        if (this.unsendable.has(n)) onLeftOut?.(index, 'unsendable');
        if (this.refused.has(n)) this.#refusals.push(() => onLeftOut?.(index, 'refused'));
      }
      this.batches.push({ topic, rows: rows.filter(({ n }) => !this.unsendable.has(n)) });
    }
    if (this.stuck) await this.#wait(undefined);
  }

  async confirm(): Promise<void> {
    if (this.#broken) throw this.#broken;
    for (const refusal of this.#refusals.splice(0)) refusal();
    const taken = this.batches.length;
    if (this.confirms === 'when-told') await this.#wait(taken);
    this.taken = taken;
  }

  #wait(taken: number | undefined): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject, taken }));
  }

  /** Confirms what is asked for now, and lets what is stuck go on. */
  release(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  break(): void {
    this.#broken = new Error('the link broke');
    for (const { reject } of this.#waiting.splice(0)) reject(this.#broken);
  }
}

function received(event: ZeekEvent): Received {
  const [change, n] = event.args;
  if (change?.type !== 'string' || n?.type !== 'string') throw new Error(`not a row: ${event.name}`);
  return { name: event.name.slice(3), n: n.value, sequence: sequenceOf(event), change: change.value };
}

function sequenceOf(event: ZeekEvent): number {
  const value = event.metadata?.find(({ key }) => key === 200n)?.value;
  if (value?.type !== 'count') throw new Error('no sequence number');
  return Number(value.value);
}

/** One life of the delivery part, over files in a directory. */
export interface Life {
  readonly journal: JournalStore;
  readonly cursors: CursorStore;
  readonly courier: Courier;
}

/** Everything around the courier that outlives it. */
export class DeliveryHarness {
  readonly directory: string;
  readonly deliverables = new Map<string, Deliverable>();
  readonly reports: DeliveryReport[] = [];
  readonly gaps: { readonly peer: string; readonly gap: Gap }[] = [];
  /** Bros whose scripts acknowledge. */
  readonly acknowledging = new Set<string>();
  /** Those of them that count rows. */
  readonly counting = new Set<string>();
  /** What they were asked to acknowledge. */
  readonly asked: ({ readonly peer: string } & SentRows)[] = [];
  readonly timers = new Set<() => void>();
  rowsPerResult = Number.POSITIVE_INFINITY;
  time = 1_700_000_000_000;
  matchEvent: CourierPorts['matchEvent'];
  wasSentAsEvent: CourierPorts['wasSentAsEvent'];
  marks: MarkKeeper | undefined;
  /** How often somebody let others have their turn. */
  turns = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<DeliveryHarness> {
    return new DeliveryHarness(await mkdtemp(join(tmpdir(), 'delivery-')));
  }

  subscribe(...all: readonly Deliverable[]): this {
    for (const one of all) this.deliverables.set(one.name, one);
    return this;
  }

  async live(
    options: Partial<JournalOptions> = {},
    limits: Partial<CourierLimits> = {},
    directory = this.directory,
  ): Promise<Life> {
    const cursors = await CursorStore.open({ directory, interval: 1 });
    const journal = await JournalStore.open({
      directory,
      now: () => this.time,
      fsync: 'never',
      atLeast: Math.max(0, ...[...cursors.loaded.values()].map(({ position }) => position)),
      ...options,
    });
    const { marks } = this;
    const courier = new Courier({
      ...{ journal, cursors, ...(marks && { marks }), ports: this.ports() },
      limits: { gatherTime: 0, ...limits },
    });
    courier.start();
    return { journal, cursors, courier };
  }

  /** A copy of what a crash at this moment may leave on disk: cursors may be older than the journal, never newer. */
  async crash(directory = this.directory): Promise<string> {
    const copy = await mkdtemp(join(tmpdir(), 'delivery-'));
    this.#copies.push(copy);
    const names = await readdir(directory);
    for (const name of names.sort()) {
      if (name.endsWith('.new')) continue;
      await copyFile(join(directory, name), join(copy, name)).catch((error) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
    return copy;
  }

  readonly #copies: string[] = [];

  async remove(): Promise<void> {
    for (const one of [this.directory, ...this.#copies]) await rm(one, { recursive: true, force: true });
  }

  ports(): CourierPorts {
    const ports: CourierPorts = {
      lookup: (name) => this.deliverables.get(name),
      encoderOf: (deliverable) => (row) => encode(deliverable, row),
      rowsPerResult: () => this.rowsPerResult,
      marker: (peer, sent) => {
        if (!this.acknowledging.has(peer)) return undefined;
        this.asked.push({ peer, ...sent, rows: new Map(sent.rows) });
        return {
          topic: '/marker',
          event: { name: 'marker', args: [], metadata: [{ key: 200n, value: count(sent.upTo) }] },
        };
      },
      beginning: (peer, run) =>
        this.counting.has(peer)
          ? { topic: '/begin', event: { name: 'begin', args: [count(run)], metadata: [] } }
          : undefined,
      notifyGap: async (peer, gap) => {
        this.gaps.push({ peer, gap });
        return true;
      },
      report: (report) => this.reports.push(report),
      now: () => this.time,
      after: (_milliseconds, callback) => {
        this.timers.add(callback);
        return () => this.timers.delete(callback);
      },
      yieldControl: () => {
        this.turns += 1;
        return new Promise((resolve) => setImmediate(resolve));
      },
    };
    return {
      ...ports,
      ...(this.matchEvent ? { matchEvent: this.matchEvent } : {}),
      ...(this.wasSentAsEvent ? { wasSentAsEvent: this.wasSentAsEvent } : {}),
    };
  }
}

function encode(deliverable: Deliverable, row: ResultRow): ReturnType<ReturnType<CourierPorts['encoderOf']>> {
  const n = row.columns['n'] ?? '';
  if (n === '') return { problem: 'null', column: 'n', type: 'BIGINT', value: '', text: 'n is NULL' };
  if (n === 'odd')
    return { problem: 'misfit', column: 'n', type: 'BIGINT', value: n, text: 'n is no number' };
  return {
    topic: deliverable.query.responseTopic,
    event: {
      name: deliverable.query.event,
      args: [string(row.change === 'ADDED' && row.initial ? 'INITIAL' : row.change), string(n)],
      metadata: [{ key: 200n, value: count(row.sequence ?? -1) }],
    },
  };
}

/** A line of osquery's log in batch format. */
export function batchLine(
  name: string,
  rows: { readonly removed?: readonly string[]; readonly added?: readonly string[] },
  counter = 1,
): Buffer {
  const cells = (values: readonly string[] = []) => values.map((n) => ({ n }));
  return Buffer.from(
    JSON.stringify({
      diffResults: { removed: cells(rows.removed), added: cells(rows.added) },
      name,
      hostIdentifier: 'h1',
      calendarTime: '',
      unixTime: 1_700_000_000,
      epoch: 0,
      counter,
      numerics: false,
    }),
  );
}

export function logEntry(payload: Uint8Array): { kind: 'log'; header: null; payload: Uint8Array } {
  return { kind: 'log', header: null, payload };
}

/** What is wrong with the counts, if anything. */
export function accountErrors(counts: readonly DeliveryCounts[]): string[] {
  return counts.flatMap((counts) => countsError(counts) ?? []);
}

/** Waits until it holds, for as long as a slow machine may need. */
export async function until(condition: () => boolean, what: string, seconds = 20): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
