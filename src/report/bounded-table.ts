/**
 * Entries by key, no more than a bound: when there are too many, the half that weighs least goes, and how many these were
 * is counted. An entry that comes back after it went begins anew, so that its figures are too low; none is too high.
 */
export class BoundedTable<Entry> {
  readonly #entries = new Map<string, Entry>();
  readonly #most: number;
  readonly #weight: (entry: Entry) => number;
  /** Entries that were let go. */
  dropped = 0;

  /** @param weight of two entries the one that weighs more stays longer */
  constructor(most: number, weight: (entry: Entry) => number) {
    this.#most = most;
    this.#weight = weight;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The entry of that key; a new one where there is none. */
  entry(key: string, make: () => Entry): Entry {
    const found = this.#entries.get(key);
    if (found !== undefined) return found;
    if (this.#entries.size >= this.#most) this.#shrink();
    const made = make();
    this.#entries.set(key, made);
    return made;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  values(): Entry[] {
    return [...this.#entries.values()];
  }

  #shrink(): void {
    const sorted = [...this.#entries].sort(([, a], [, b]) => this.#weight(b) - this.#weight(a));
    const light = sorted.slice(Math.floor(this.#most / 2));
    for (const [key] of light) this.#entries.delete(key);
    this.dropped += light.length;
  }
}
