import type { History } from '../history.ts';
import type { FromPage, FromServer } from '../protocol.ts';
import type { ScheduleView } from '../schedule-view.ts';

/** The schedule at the moment and what is different between two: the server is asked for them, the newest question counts. */
export class AskedSchedule {
  view: ScheduleView | null = null;
  difference: readonly string[] | null = null;
  #asks = 0;
  /** What the server was asked last: the fact, and the two that are compared. */
  #askedSchedule = '';
  #askedDifference = '';

  reconnected(): void {
    this.#askedSchedule = '';
  }

  /** Another moment is compared with, or none. */
  markMoved(): void {
    this.difference = null;
    this.#askedDifference = '';
  }

  takeSchedule({ ask, view }: FromServer & { readonly type: 'schedule' }): void {
    if (ask === this.#asks) this.view = view;
  }

  /** @param mark the moment that is compared with; null: none is */
  questions(history: History, moment: number, mark: number | null): readonly FromPage[] {
    const questions: FromPage[] = [];
    const factAt = (when: number) => history.factAt(when)?.seq ?? 0;
    const seq = factAt(moment);
    // A recording that has just begun may have another state before its first fact.
    const wanted = `${seq} ${history.facts.length === 0}`;
    if (wanted !== this.#askedSchedule) {
      this.#askedSchedule = wanted;
      this.#asks += 1;
      questions.push({ type: 'schedule', ask: this.#asks, seq });
    }
    if (mark === null) return questions;
    const [from, to] = [factAt(Math.min(mark, moment)), factAt(Math.max(mark, moment))];
    if (`${from} ${to}` !== this.#askedDifference) {
      this.#askedDifference = `${from} ${to}`;
      questions.push({ type: 'difference', ask: this.#asks, from, to });
    }
    return questions;
  }
}
