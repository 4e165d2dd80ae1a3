/** Buckets per doubling of the time: a percentile is exact to 4.4 %. */
const PER_DOUBLING = 16;

/** Times in milliseconds, counted in buckets of equal ratio: any number of them in the same memory. */
export class LagHistogram {
  readonly #buckets = new Map<number, number>();
  #count = 0;
  #longest = 0;

  get count(): number {
    return this.#count;
  }

  /** Milliseconds. */
  get longest(): number {
    return this.#longest;
  }

  add(milliseconds: number, times = 1): void {
    const value = Math.max(0, milliseconds);
    const bucket = Math.ceil(Math.log2(value + 1) * PER_DOUBLING);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + times);
    this.#count += times;
    this.#longest = Math.max(this.#longest, value);
  }

  /** The time that this share (0 to 1) of all did not exceed; undefined where there is none. */
  percentile(share: number): number | undefined {
    if (this.#count === 0) return undefined;
    let left = Math.ceil(this.#count * share);
    for (const bucket of [...this.#buckets.keys()].sort((a, b) => a - b)) {
      left -= this.#buckets.get(bucket) ?? 0;
      if (left <= 0) return Math.min(this.#longest, 2 ** (bucket / PER_DOUBLING) - 1);
    }
    return this.#longest;
  }
}
