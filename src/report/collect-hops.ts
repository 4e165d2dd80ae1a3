import { BoundedTable } from './bounded-table.ts';
import type { LogRow } from './log-row.ts';

/** A session that came in at a host and went on to another. */
export interface Hop {
  readonly time: number;
  readonly depth: number;
  readonly from: string;
  readonly via: string;
  readonly to: string;
  readonly service: string;
  readonly process: string;
  readonly pid: string;
  readonly user: string;
}

export interface Chain {
  readonly id: string;
  readonly hops: Hop[];
  first: number;
  last: number;
}

const MOST_CHAINS = 2_000;
const MOST_HOPS = 32;

/** Chains of hops across hosts, out of `osq-hops.log`. */
export class HopCollector {
  readonly table = new BoundedTable<Chain>(MOST_CHAINS, (chain) => chain.last);
  total = 0;

  take(row: LogRow, time: number): void {
    const id = row.text('chain');
    if (id === undefined) return;
    this.total += 1;
    const chain = this.table.entry(id, () => ({ id, hops: [], first: time, last: time }));
    chain.first = Math.min(chain.first, time);
    chain.last = Math.max(chain.last, time);
    if (chain.hops.length >= MOST_HOPS) return;
    chain.hops.push({
      time,
      depth: row.number('depth') ?? 0,
      from: row.text('from_hostname') || row.text('from_h') || '?',
      via: row.text('via_hostname') || row.text('via_hid') || '?',
      to: row.text('to_hostname') || row.text('to_h') || '?',
      service: row.text('service') ?? '',
      process: row.text('process') ?? '',
      pid: row.text('pid') ?? '',
      user: row.text('user') ?? '',
    });
  }

  /** The newest chain first, each from its beginning. */
  chains(): Chain[] {
    const chains = this.table.values().sort((a, b) => b.last - a.last);
    for (const chain of chains) chain.hops.sort((a, b) => a.depth - b.depth || a.time - b.time);
    return chains;
  }
}
