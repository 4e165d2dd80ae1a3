/** Rows of one run of a query, as a line of osquery's result log has them. */
export interface Run {
  readonly name: string;
  /** Seconds since the epoch. */
  readonly unixTime: number;
  readonly counter: number;
  readonly rowCount: number;
}

/** The last run of a query that has come to us, and how many of its rows. */
export interface Mark {
  readonly name: string;
  readonly unixTime: number;
  readonly counter: number;
  readonly rows: number;
}

/** What is kept of them on disk. */
export interface KeptMarks {
  /** Seconds since the epoch: of what osquery ran before, nothing is known. */
  readonly since: number;
  /** Entries of the journal below are in the marks already. */
  readonly upTo: number;
  readonly marks: readonly Mark[];
}

/** Who keeps marks for the courier; {@link file://./mark-store.ts} is the one on disk. */
export interface MarkKeeper {
  readonly marks: Marks;
  /** Resolves when all runs of entries below the number are kept. Rejects where the disk doesn't take them. */
  save(upTo: number): Promise<void>;
}

/**
 * How far the results of each query have come to us. What osqueryd ran while nobody answered its log calls is later
 * than its query's mark; names of queries are never used again, so a query without a mark has had no rows yet.
 */
export class Marks {
  readonly since: number;
  readonly #upTo: number;
  readonly #marks: Map<string, Mark>;

  constructor({ since, upTo, marks }: KeptMarks) {
    this.since = since;
    this.#upTo = upTo;
    this.#marks = new Map(marks.map((mark) => [mark.name, mark]));
  }

  /** When osquery ran the latest of all runs that have come, in seconds since the epoch. */
  get latest(): number {
    let latest = this.since;
    for (const { unixTime } of this.#marks.values()) latest = Math.max(latest, unixTime);
    return latest;
  }

  /** Whether a run of one of those queries has come. */
  hasSome(ofThose: (name: string) => boolean): boolean {
    return [...this.#marks.keys()].some(ofThose);
  }

  /** The run is in the journal, in the entry with that number; runs come in the order in which they were taken. */
  note(sequence: number, { name, unixTime, counter, rowCount }: Run): void {
    if (sequence < this.#upTo) return;
    const former = this.#marks.get(name);
    const isSame = former?.unixTime === unixTime && former.counter === counter;
    this.#marks.set(name, { name, unixTime, counter, rows: (isSame ? former.rows : 0) + rowCount });
  }

  /**
   * Tells, of lines that are read again in the order in which they were written, which have never come. Where a run
   * has a line for each row, it may have been interrupted between two.
   */
  sieve(): (run: Run) => boolean {
    const marks = new Map(this.#marks);
    const again = new Map<string, number>();
    return ({ name, unixTime, counter, rowCount }) => {
      if (unixTime < this.since) return false;
      const mark = marks.get(name);
      if (!mark || unixTime !== mark.unixTime) return unixTime > (mark?.unixTime ?? 0);
      if (counter !== mark.counter) return counter > mark.counter;
      const rows = (again.get(name) ?? 0) + rowCount;
      again.set(name, rows);
      return rows > mark.rows;
    };
  }

  /** @param upTo all entries of the journal below have been noted */
  kept(upTo: number): KeptMarks {
    return { since: this.since, upTo, marks: [...this.#marks.values()] };
  }

  /** Forgets the queries that have ended. */
  closeEnded(runs: (name: string) => boolean): void {
    for (const name of this.#marks.keys()) if (!runs(name)) this.#marks.delete(name);
  }
}
