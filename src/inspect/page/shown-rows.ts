import type { FromPage, FromServer } from '../protocol.ts';
import type { RowsView } from '../rows.ts';

/** Milliseconds until the newest rows are asked for again, at the least; and how many times what the answer took. */
const PAUSE = 2_000;
const TIMES = 10;

/** The rows that the page shows: of which query, and what the server has said of them. One question at a time. */
export class ShownRows {
  #picked = '';
  #view: RowsView | null = null;
  #ask = 0;
  /** What was asked last: the query, and up to when. */
  #asked: { readonly name: string; readonly until: number | null; readonly at: number } | null = null;
  #isWaiting = false;
  #againAt = 0;

  /** Name of the query; empty: none. */
  get picked(): string {
    return this.#picked;
  }

  /** Null until the server has said anything. */
  get view(): RowsView | null {
    return this.#view;
  }

  pick(name: string): void {
    this.#picked = this.#picked === name ? '' : name;
  }

  reconnected(): void {
    this.#asked = null;
    this.#isWaiting = false;
  }

  take({ ask, view }: FromServer & { readonly type: 'rows' }, now: number): void {
    if (ask !== this.#ask || !this.#asked) return;
    this.#isWaiting = false;
    this.#againAt = now + Math.max(PAUSE, TIMES * (now - this.#asked.at));
    if (this.#asked.name === this.#picked) this.#view = view;
  }

  /** @param until the moment that is shown; null: now, and what comes */
  questions(until: number | null, now: number): readonly FromPage[] {
    if (this.#isWaiting || !this.#isDue(until, now)) return [];
    const name = this.#picked;
    if (name !== this.#asked?.name) this.#view = null;
    this.#asked = { name, until, at: now };
    this.#isWaiting = true;
    this.#ask += 1;
    return [{ type: 'rows', ask: this.#ask, name, until }];
  }

  #isDue(until: number | null, now: number): boolean {
    if (this.#asked?.name !== this.#picked) return true;
    if (this.#picked === '' || this.#view?.outcome === 'hidden') return false;
    return until !== this.#asked.until || (until === null && now >= this.#againAt);
  }
}
