import type { RowValue } from '../../console/row.ts';
import { button, el } from '../../inspect/page/dom.ts';
import { VirtualList } from '../../inspect/page/virtual-list.ts';
import type { PageRow } from '../protocol.ts';
import { asCsv, asNdjson, bars, ResultSet, type ShownRow, type Sorting } from '../result-set.ts';
import { plotOf } from './plot.ts';

/** Pixels; the style sheet says the same. A column at the least, and what is between two. */
const ROW_HEIGHT = 26;
const COLUMN = 120;

/** The rows that have come, to sort, filter, draw and take away. */
export class ResultsPanel {
  readonly element: HTMLElement;
  readonly #set = new ResultSet();
  readonly #list: VirtualList<ShownRow>;
  readonly #heads = el('div', { class: 'heads' });
  readonly #scroller = el('div', { class: 'scroller' });
  readonly #plot = el('div', {});
  readonly #count = el('output', { class: 'dim', id: 'result-count' });
  readonly #filter = el('input', {
    ...{ type: 'search', placeholder: 'filter rows', spellcheck: 'false', 'aria-label': 'Filter rows' },
  });
  readonly #column = el('select', { 'aria-label': 'Plot rows by' });
  #sorting: Sorting | undefined;
  #columns: readonly string[] = [];
  #isDue = false;

  constructor() {
    this.#list = new VirtualList({
      id: 'row-list',
      label: 'Rows',
      rowHeight: ROW_HEIGHT,
      row: (shown) => this.#row(shown),
      onPick: () => {},
    });
    this.#filter.addEventListener('input', () => this.#later());
    this.#column.addEventListener('change', () => this.#later());
    this.#scroller.append(this.#heads, this.#list.element);
    this.element = el(
      'section',
      { class: 'panel results', id: 'results', 'aria-label': 'Rows' },
      el(
        'header',
        {},
        el('h2', {}, 'Rows'),
        this.#count,
        this.#filter,
        this.#column,
        button('CSV', 'Save the rows that are shown as CSV', () =>
          save('rows.csv', 'text/csv', asCsv(this.#shown(), this.#columns)),
        ),
        button('NDJSON', 'Save the rows that are shown, a JSON object a line', () =>
          save('rows.ndjson', 'application/x-ndjson', asNdjson(this.#shown())),
        ),
      ),
      this.#plot,
      this.#scroller,
    );
    this.#show();
  }

  clear(): void {
    this.#set.clear();
    this.#sorting = undefined;
    this.#later();
  }

  add(rows: readonly PageRow[]): void {
    if (rows.length === 0) return;
    this.#set.add(rows);
    this.#later();
  }

  /** However often rows come, they are drawn once a picture. */
  #later(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#show();
    });
  }

  #shown(): readonly ShownRow[] {
    return this.#set.shown(this.#filter.value, this.#sorting);
  }

  #show(): void {
    const columns = this.#set.columns;
    if (columns.join('\0') !== this.#columns.join('\0') || this.#heads.childElementCount === 0) {
      this.#columns = columns;
      // Rows that are drawn have the columns of before.
      this.#list.set([], -1, false);
      const chosen = this.#column.value;
      const names = ['host', ...columns];
      this.#column.replaceChildren(
        el('option', { value: '' }, 'no plot'),
        ...names.map((name) => el('option', { value: name }, `plot by ${name}`)),
      );
      this.#column.value = names.includes(chosen) ? chosen : '';
    }
    this.#showHeads();
    const rows = this.#shown();
    this.#count.textContent =
      rows.length === this.#set.size ? `${rows.length}` : `${rows.length} of ${this.#set.size}`;
    this.#list.set(rows, -1, false);
    const column = this.#column.value;
    this.#plot.replaceChildren(...(column === '' ? [] : [plotOf(bars(rows, column), column)]));
  }

  #showHeads(): void {
    const names = ['host', ...this.#columns];
    const width = `${names.length * COLUMN}px`;
    this.#heads.style.minWidth = width;
    this.#list.element.style.minWidth = width;
    this.#heads.replaceChildren(
      ...names.map((name) => {
        const isSorted = this.#sorting?.column === name;
        const sign = isSorted ? (this.#sorting?.descending ? ' ↓' : ' ↑') : '';
        return button(`${name}${sign}`, `Sort by ${name}`, () => {
          this.#sorting = { column: name, descending: isSorted && !this.#sorting?.descending };
          this.#show();
        });
      }),
    );
  }

  #row({ row, values }: ShownRow): HTMLElement {
    const cells = [row.hostname, ...this.#columns.map((name) => textOf(values.get(name)))];
    return el('div', { class: 'row' }, ...cells.map((text) => el('span', { title: text }, text)));
  }
}

function textOf(value: RowValue | undefined): string {
  return value === null || value === undefined ? '' : String(value);
}

function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = el('a', { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
