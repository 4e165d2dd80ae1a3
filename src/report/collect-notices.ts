import type { LogRow } from './log-row.ts';
import { TimeBins } from './time-bins.ts';

export interface NoticeFacts {
  readonly time: number;
  readonly note: string;
  readonly message: string;
  readonly sub: string;
  readonly host: string;
  readonly process: string;
  readonly pid: string;
  readonly user: string;
  readonly since: number | undefined;
  readonly techniques: readonly string[];
}

/** The newest that are shown one by one; all are counted. */
const MOST_NOTICES = 1_000;

export class NoticeCollector {
  readonly counts = new Map<string, number>();
  readonly bins = new TimeBins();
  total = 0;
  #kept: NoticeFacts[] = [];

  take(row: LogRow, time: number): void {
    const note = row.text('note') ?? '';
    this.total += 1;
    this.counts.set(note, (this.counts.get(note) ?? 0) + 1);
    this.bins.add(time, note);
    this.#kept.push({
      time,
      note,
      message: row.text('msg') ?? '',
      sub: row.text('sub') ?? '',
      host: row.text('hostname') || row.text('hid') || row.text('src') || '',
      process: row.text('process') ?? '',
      pid: row.text('pid') ?? '',
      user: row.text('user') ?? '',
      since: row.time('since'),
      techniques: row.list('techniques'),
    });
    // Files come in any order: the newest are known only when all have been seen.
    if (this.#kept.length >= 2 * MOST_NOTICES) this.#kept = this.newest();
  }

  newest(): NoticeFacts[] {
    return this.#kept.toSorted((a, b) => b.time - a.time).slice(0, MOST_NOTICES);
  }
}
