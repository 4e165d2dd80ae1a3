/** Where rows lie in a payload: pairs of offsets, eight bytes a row, for results of millions of rows. */
export class RowSpans {
  #offsets = new Uint32Array(16);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(start: number, end: number): void {
    const at = this.#length * 2;
    if (at === this.#offsets.length) {
      const larger = new Uint32Array(at * 2);
      larger.set(this.#offsets);
      this.#offsets = larger;
    }
    this.#offsets[at] = start;
    this.#offsets[at + 1] = end;
    this.#length += 1;
  }

  start(index: number): number {
    return this.#offsets[index * 2] ?? 0;
  }

  end(index: number): number {
    return this.#offsets[index * 2 + 1] ?? 0;
  }
}
