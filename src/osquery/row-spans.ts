/** Rows in a page; lists grow by pages, so that no row's turn has to copy those before it. */
const PAGE = 8192;
/** Most lines have few rows: the first page begins small and doubles. */
const FIRST = 1;

/** Where rows lie in a payload: pairs of offsets, eight bytes a row, for results of millions of rows. */
export class RowSpans {
  #pages: Uint32Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(start: number, end: number): void {
    const at = this.#length;
    const page = this.#pageFor(at);
    const slot = (at % PAGE) * 2;
    page[slot] = start;
    page[slot + 1] = end;
    this.#length += 1;
  }

  #pageFor(row: number): Uint32Array {
    const index = Math.floor(row / PAGE);
    let page = this.#pages[index];
    if (!page) {
      page = new Uint32Array((index === 0 ? FIRST : PAGE) * 2);
      this.#pages.push(page);
    } else if (row % PAGE >= page.length / 2) {
      const larger = new Uint32Array(page.length * 2);
      larger.set(page);
      page = larger;
      this.#pages[index] = page;
    }
    return page;
  }

  start(row: number): number {
    return this.#pages[Math.floor(row / PAGE)]?.[(row % PAGE) * 2] ?? 0;
  }

  end(row: number): number {
    return this.#pages[Math.floor(row / PAGE)]?.[(row % PAGE) * 2 + 1] ?? 0;
  }
}
