import { type Chain, HopCollector } from './collect-hops.ts';
import { HostCollector, type HostFacts } from './collect-hosts.ts';
import { type Listener, ListenerCollector } from './collect-listeners.ts';
import { NoticeCollector, type NoticeFacts } from './collect-notices.ts';
import { type Talk, TalkCollector } from './collect-talks.ts';
import type { LogRow } from './log-row.ts';
import { TimeBins, type TimeChart } from './time-bins.ts';

/** What a report tells. Every list is bounded; what was left out is counted beside it. */
export interface ReportFacts {
  /** Milliseconds since the epoch of the first and last line; undefined where there was none. */
  readonly range: { readonly first: number; readonly last: number } | undefined;
  readonly lines: ReadonlyMap<string, number>;
  readonly hosts: readonly HostFacts[];
  readonly hostsDropped: number;
  readonly talks: readonly Talk[];
  readonly talksDropped: number;
  readonly connections: number;
  readonly attributed: number;
  readonly connectionChart: TimeChart;
  readonly listeners: readonly Listener[];
  readonly listenersDropped: number;
  readonly notices: readonly NoticeFacts[];
  readonly noticeCounts: ReadonlyMap<string, number>;
  readonly noticeTotal: number;
  readonly noticeChart: TimeChart;
  readonly chains: readonly Chain[];
  readonly chainsDropped: number;
}

/** Bins that a chart has at the most. */
const BINS = 120;

/** Takes the lines of all logs, in any order, and keeps what a report needs: as much however many they are. */
export class Collector {
  readonly #lines = new Map<string, number>();
  readonly #hosts = new HostCollector();
  readonly #talks = new TalkCollector();
  readonly #listeners = new ListenerCollector();
  readonly #notices = new NoticeCollector();
  readonly #hops = new HopCollector();
  readonly #connections = new TimeBins();
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  /** @param time milliseconds since the epoch */
  take(log: string, row: LogRow, time: number): void {
    this.#first = Math.min(this.#first, time);
    this.#last = Math.max(this.#last, time);
    this.#lines.set(log, (this.#lines.get(log) ?? 0) + 1);
    if (log === 'conn') this.#connection(row, time);
    else if (log === 'osquery') this.#hosts.told(row, time);
    else this.#rowOfHost(log, row, time);
  }

  #rowOfHost(log: string, row: LogRow, time: number): void {
    const host = this.#hosts.seen(row, time);
    if (log === 'notice') {
      if (host) host.notices += 1;
      this.#notices.take(row, time);
    } else if (log === 'osq-hops') {
      this.#hops.take(row, time);
    } else {
      if (host) host.rows += 1;
      if (log === 'osq-listening-ports') this.#listeners.take(row, time);
    }
  }

  facts(): ReportFacts {
    const hosts = this.#hosts.table.values();
    return {
      range: this.#first <= this.#last ? { first: this.#first, last: this.#last } : undefined,
      lines: this.#lines,
      hosts: hosts.sort((a, b) => (a.hostname || a.hid).localeCompare(b.hostname || b.hid)),
      hostsDropped: this.#hosts.table.dropped,
      talks: this.#talks.table.values().sort((a, b) => b.connections - a.connections),
      talksDropped: this.#talks.table.dropped,
      connections: this.#talks.connections,
      attributed: this.#talks.attributed,
      connectionChart: this.#connections.chart(BINS),
      listeners: this.#listeners.fresh(),
      listenersDropped: this.#listeners.table.dropped,
      notices: this.#notices.newest(),
      noticeCounts: this.#notices.counts,
      noticeTotal: this.#notices.total,
      noticeChart: this.#notices.bins.chart(BINS),
      chains: this.#hops.chains(),
      chainsDropped: this.#hops.table.dropped,
    };
  }

  #connection(row: LogRow, time: number): void {
    const talk = this.#talks.take(row, time);
    this.#connections.add(time, talk ? 'of a known program' : 'of no known program');
    if (!talk) return;
    const from = this.#hosts.seen(row, time, 'orig_');
    const to = this.#hosts.seen(row, time, 'resp_');
    if (from) from.begun += 1;
    if (to) to.received += 1;
  }
}
