import { reasonOf } from '../text/reason.ts';
import type { Gap } from '../vocabulary/model.ts';
import type { Journal } from './journal.ts';
import type { PeerSender } from './peer-sender.ts';
import type { CourierPorts } from './ports.ts';
import type { RowCounters } from './row-counters.ts';
import { isInitial, unwanted } from './row-filter.ts';
import { type QueryResult, type ScannedEntry, scanEntry } from './scanned-entry.ts';

interface DropContext {
  readonly ports: CourierPorts;
  readonly journal: Journal;
  readonly counters: RowCounters;
  readonly senders: ReadonlyMap<string, PeerSender>;
}

interface Loss {
  readonly from: number;
  readonly to: number;
  rows: number;
  readonly names: Record<string, number>;
}

/** Rows looked at before the thread is yielded. */
const YIELD_AFTER = 20_000;

/** Counts rows that will never reach their Bros, and declares them. */
export class Drops {
  readonly #context: DropContext;

  constructor(context: DropContext) {
    this.#context = context;
  }

  /** Has all senders go on at the number, and counts what they pass over. */
  async dropBelow(number: number, reason: string): Promise<void> {
    const { senders, ports } = this.#context;
    const losses = new Map<string, Loss>();
    for (const sender of senders.values()) {
      const passed = sender.jump(number);
      if (passed) losses.set(sender.peer, { ...passed, rows: 0, names: {} });
    }
    if (losses.size === 0) return;
    let why = reason;
    try {
      await this.#readThrough(number, losses);
    } catch (error) {
      // The senders have gone on: what could not be read is lost as well, for an unknown Bro and in an unknown number.
      why = `${reason}; more may be lost, as part of the journal can't be read: ${reasonOf(error)}`;
      ports.report({ type: 'journal-trouble', message: reasonOf(error) });
    }
    for (const [peer, loss] of losses) if (loss.rows > 0 || why !== reason) this.#declare(peer, loss, why);
  }

  /** Counts what lies below the number. Rejects where it can't be read. */
  async #readThrough(number: number, losses: ReadonlyMap<string, Loss>): Promise<void> {
    const { journal, ports } = this.#context;
    const start = Math.min(...[...losses.values()].map(({ from }) => from));
    const reader = journal.reader();
    let turn = 0;
    try {
      for (
        let entry = await reader.read(start);
        entry && entry.sequence < number;
        entry = await reader.read(entry.next)
      ) {
        const { results } = await scanEntry(entry, ports);
        for (const result of results) {
          this.#lose(result, losses);
          turn += result.item.rowCount;
        }
        turn += 1;
        if (turn >= YIELD_AFTER) {
          turn = 0;
          await ports.yieldControl();
        }
      }
    } finally {
      await reader.close();
    }
  }

  /**
   * Counts the rows of an entry that the journal didn't take.
   * @returns how many of them were for a Bro
   */
  refuse({ entry, results }: ScannedEntry, reason: string): number {
    const losses = new Map<string, Loss>();
    for (const result of results) {
      const { name, item } = result;
      const counter = this.#context.counters.find(name);
      if (!counter) continue;
      counter.refused += item.rowCount;
      const loss = losses.get(counter.peer) ?? { from: entry.sequence, to: entry.next, rows: 0, names: {} };
      losses.set(counter.peer, loss);
      const filter = this.#filter(result);
      for (let index = 0; index < item.rowCount; index += 1) if (!filter(index)) this.#count(loss, name);
    }
    let rows = 0;
    for (const [peer, loss] of losses) {
      rows += loss.rows;
      if (loss.rows > 0) this.#declare(peer, loss, reason);
    }
    return rows;
  }

  #lose(result: QueryResult, losses: ReadonlyMap<string, Loss>): void {
    const { name, item, first } = result;
    const counter = this.#context.counters.find(name);
    const loss = counter && losses.get(counter.peer);
    if (!counter || !loss) return;
    const filter = this.#filter(result);
    const end = Math.min(item.rowCount, loss.to - first);
    for (let index = Math.max(0, loss.from - first); index < end; index += 1) {
      const reason = filter(index);
      if (reason !== undefined) counter.skip(reason, 1);
      else {
        counter.dropped += 1;
        this.#count(loss, name);
      }
    }
  }

  /** Says of a row why the Bro wouldn't have got it anyway, so that it is no loss. */
  #filter({ deliverable: own, name, item }: QueryResult): (index: number) => string | undefined {
    const deliverable = own ?? this.#context.ports.lookup(name);
    if (!deliverable) return () => 'ended';
    const initial = isInitial(item, deliverable);
    return (index) => unwanted(item.changeOf(index), initial, deliverable);
  }

  #count(loss: Loss, name: string): void {
    loss.rows += 1;
    loss.names[name] = (loss.names[name] ?? 0) + 1;
  }

  #declare(peer: string, { from, to, rows, names }: Loss, reason: string): void {
    const gap: Gap = { first: from, last: to - 1, rows, reason };
    this.#context.ports.report({ type: 'gap', peer, gap, names });
    this.#context.senders.get(peer)?.addGap(gap);
  }
}
