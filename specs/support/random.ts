/** Random numbers that a seed repeats: Marsaglia's xorshift of 32 bits. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    // Any seed but 0 will do; a few steps part neighbouring ones.
    this.#state = seed >>> 0 || 0x9e3779b9;
    for (let step = 0; step < 8; step += 1) this.next();
  }

  /** 0 to 1, without 1. */
  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state / 2 ** 32;
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.between(0, choices.length - 1)];
    if (choice === undefined) throw new Error('nothing to pick from');
    return choice;
  }
}
