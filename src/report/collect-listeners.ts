import { BoundedTable } from './bounded-table.ts';
import type { LogRow } from './log-row.ts';

/** A port that a program of a host listens on. */
export interface Listener {
  readonly hid: string;
  readonly hostname: string;
  readonly address: string;
  readonly port: string;
  readonly process: string;
  readonly user: string;
  readonly pid: string;
  /** When it was seen first; when it went last. */
  first: number;
  gone: number;
}

const MOST_LISTENERS = 100_000;
/** What a host tells in its first so many milliseconds was there before. */
const SETTLING = 60_000;

/** New listening ports, out of `osq-listening-ports.log`. */
export class ListenerCollector {
  readonly table = new BoundedTable<Listener>(MOST_LISTENERS, (listener) => listener.first);
  readonly #begun = new Map<string, number>();

  take(row: LogRow, time: number): void {
    const hid = row.text('hid');
    const port = portOf(row);
    if (hid === undefined || port === undefined) return;
    this.#begun.set(hid, Math.min(this.#begun.get(hid) ?? time, time));
    const address = row.text('local_h') ?? row.text('address') ?? '';
    const process = row.text('process') ?? '';
    const key = JSON.stringify([hid, address, port, process]);
    const isGone = row.text('change') === 'gone';
    const listener = this.table.entry(key, () => ({
      hid,
      hostname: row.text('hostname') || hid,
      address,
      port,
      process,
      user: row.text('user') ?? '',
      pid: row.text('pid') ?? '',
      first: isGone ? Number.POSITIVE_INFINITY : time,
      gone: 0,
    }));
    if (isGone) listener.gone = Math.max(listener.gone, time);
    else listener.first = Math.min(listener.first, time);
  }

  /** Those that were not there when their host was seen first, the newest first. */
  fresh(): Listener[] {
    return this.table
      .values()
      .filter(({ hid, first }) => Number.isFinite(first) && first > (this.#begun.get(hid) ?? 0) + SETTLING)
      .sort((a, b) => b.first - a.first);
  }
}

/** A socket of the file system has no port. */
function portOf(row: LogRow): string | undefined {
  const typed = row.text('local_p');
  const number = row.number('local_port') ?? Number.parseInt(typed ?? '', 10);
  if (!(number > 0)) return undefined;
  const protocol = { 6: 'tcp', 17: 'udp' }[row.number('protocol') ?? 0];
  if (typed?.includes('/')) return typed;
  return protocol === undefined ? String(number) : `${number}/${protocol}`;
}
