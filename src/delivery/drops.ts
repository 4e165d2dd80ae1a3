import { reasonOf } from '../text/reason.ts';
import type { Gap } from '../vocabulary/words.ts';
import type { Books } from './books.ts';
import type { Journal } from './journal.ts';
import type { Lane } from './lane.ts';
import type { CourierPorts } from './ports.ts';
import { isInitial, unwanted } from './row-filter.ts';
import { type Parcel, type ScannedEntry, scanEntry } from './scanned-entry.ts';

interface DropContext {
  readonly ports: CourierPorts;
  readonly journal: Journal;
  readonly books: Books;
  readonly lanes: ReadonlyMap<string, Lane>;
}

interface Loss {
  readonly from: number;
  readonly to: number;
  rows: number;
  readonly names: Record<string, number>;
}

/** Rows looked at before others get a turn. */
const TURN = 20_000;

/** Books rows that will never reach their Bros, and declares them. */
export class Drops {
  readonly #context: DropContext;

  constructor(context: DropContext) {
    this.#context = context;
  }

  /** Has all lanes go on at the number, and books what they pass over. */
  async dropBelow(number: number, reason: string): Promise<void> {
    const { lanes, ports } = this.#context;
    const losses = new Map<string, Loss>();
    for (const lane of lanes.values()) {
      const passed = lane.jump(number);
      if (passed) losses.set(lane.peer, { ...passed, rows: 0, names: {} });
    }
    if (losses.size === 0) return;
    let why = reason;
    try {
      await this.#readThrough(number, losses);
    } catch (error) {
      // The lanes have gone on: what could not be read is lost as well, whoever's and however much it was.
      why = `${reason}; more may be missing than could be read there: ${reasonOf(error)}`;
      ports.report({ type: 'journal-trouble', message: reasonOf(error) });
    }
    for (const [peer, loss] of losses) if (loss.rows > 0 || why !== reason) this.#declare(peer, loss, why);
  }

  /** Books what lies below the number. Rejects where it can't be read. */
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
        const { parcels } = await scanEntry(entry, ports);
        for (const parcel of parcels) {
          this.#lose(parcel, losses);
          turn += parcel.item.rowCount;
        }
        turn += 1;
        if (turn >= TURN) {
          turn = 0;
          await ports.yieldTurn();
        }
      }
    } finally {
      await reader.close();
    }
  }

  /**
   * Books the rows of an entry that the journal didn't take.
   * @returns how many of them were for a Bro
   */
  refuse({ entry, parcels }: ScannedEntry, reason: string): number {
    const losses = new Map<string, Loss>();
    for (const parcel of parcels) {
      const { name, item } = parcel;
      const ledger = this.#context.books.find(name);
      if (!ledger) continue;
      ledger.refused += item.rowCount;
      const loss = losses.get(ledger.peer) ?? { from: entry.sequence, to: entry.next, rows: 0, names: {} };
      losses.set(ledger.peer, loss);
      const filter = this.#filter(parcel);
      for (let index = 0; index < item.rowCount; index += 1) if (!filter(index)) this.#count(loss, name);
    }
    let rows = 0;
    for (const [peer, loss] of losses) {
      rows += loss.rows;
      if (loss.rows > 0) this.#declare(peer, loss, reason);
    }
    return rows;
  }

  #lose(parcel: Parcel, losses: ReadonlyMap<string, Loss>): void {
    const { name, item, first } = parcel;
    const ledger = this.#context.books.find(name);
    const loss = ledger && losses.get(ledger.peer);
    if (!ledger || !loss) return;
    const filter = this.#filter(parcel);
    const end = Math.min(item.rowCount, loss.to - first);
    for (let index = Math.max(0, loss.from - first); index < end; index += 1) {
      const reason = filter(index);
      if (reason !== undefined) ledger.skip(reason, 1);
      else {
        ledger.dropped += 1;
        this.#count(loss, name);
      }
    }
  }

  /** Says of a row why the Bro wouldn't have got it anyway, so that it is no loss. */
  #filter({ deliverable: own, name, item }: Parcel): (index: number) => string | undefined {
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
    this.#context.lanes.get(peer)?.addGap(gap);
  }
}
