/** When rows arrived that are not settled yet, in marks: a mark stands for rows that arrived at about the same time. */
interface Mark {
  /** Above the numbers of its rows. */
  readonly end: number;
  /** When the first of them came, milliseconds since the epoch. */
  readonly at: number;
}

/** Milliseconds that a new mark stands for, and marks from which on some become one. */
const SPAN = 1_000;
const MANY = 512;
/** A mark may stand for this part of the time that its rows have waited: of a week that makes some 220 marks. */
const PART = 1 / 16;

/**
 * Remembers when a Bro's rows came, to the second while that is not long ago and more roughly the longer it is: so
 * there are never many marks, whatever waits.
 */
export class Arrivals {
  #marks: Mark[] = [];

  /**
   * Rows numbered below `end` came at that time, after all that was noted before.
   * @param settled rows numbered below are settled
   */
  note(end: number, at: number, settled: number): void {
    if (end <= settled) return;
    const last = this.#marks.at(-1);
    if (last && last.end > settled && at - last.at < SPAN) {
      this.#marks[this.#marks.length - 1] = { end, at: last.at };
      return;
    }
    if (this.#marks.length >= MANY) this.#thin(settled, at);
    this.#marks.push({ end, at });
  }

  /** When the oldest row came that is numbered `settled` or above; null if there is none. */
  oldest(settled: number): number | null {
    this.#drop(settled);
    return this.#marks[0]?.at ?? null;
  }

  #drop(settled: number): void {
    const first = this.#marks.findIndex(({ end }) => end > settled);
    if (first !== 0) this.#marks.splice(0, first < 0 ? this.#marks.length : first);
  }

  /** Drops what is settled, and joins marks of what has waited long. */
  #thin(settled: number, now: number): void {
    this.#drop(settled);
    const joined: Mark[] = [];
    for (const mark of this.#marks) {
      const before = joined.at(-1);
      if (before && mark.at - before.at <= (now - mark.at) * PART) {
        joined[joined.length - 1] = { end: mark.end, at: before.at };
      } else joined.push(mark);
    }
    this.#marks = joined;
  }
}
