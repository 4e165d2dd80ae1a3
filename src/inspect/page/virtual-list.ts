import { el } from './dom.ts';

/** A list of any length, of which only what is in sight is in the document. Rows have one height. */
export class VirtualList<Item> {
  readonly element: HTMLElement;
  readonly #rows: HTMLElement;
  readonly #id: string;
  readonly #height: number;
  readonly #row: (item: Item, place: number) => HTMLElement;
  #items: readonly Item[] = [];
  #current = -1;
  #isSelected = false;
  /** What is in the document, by place: a row is drawn once while it is in sight. */
  #drawn = new Map<number, { readonly item: Item; readonly element: HTMLElement }>();

  constructor(options: {
    readonly id: string;
    readonly label: string;
    /** Pixels; the style sheet says the same. */
    readonly rowHeight: number;
    readonly row: (item: Item, place: number) => HTMLElement;
    readonly onPick: (item: Item) => void;
  }) {
    this.#height = options.rowHeight;
    this.#row = options.row;
    this.#rows = el('div', { class: 'rows' });
    this.#id = options.id;
    this.element = el(
      'div',
      { class: 'list', id: options.id, tabindex: '0', role: 'listbox', 'aria-label': options.label },
      this.#rows,
    );
    this.element.addEventListener('scroll', () => this.#show(), { passive: true });
    this.element.addEventListener('click', (event) => {
      const row = event.target instanceof Element ? event.target.closest('[data-place]') : null;
      const item = this.#items[Number(row?.getAttribute('data-place') ?? -1)];
      if (item !== undefined) options.onPick(item);
    });
    this.element.addEventListener('keydown', (event) => {
      const all = this.#items.length;
      const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -all, End: all }[event.key];
      if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      const place = Math.min(this.#items.length - 1, Math.max(0, this.#current + by));
      const item = this.#items[place];
      if (item !== undefined) options.onPick(item);
    });
    new ResizeObserver(() => {
      if (this.#current >= 0) this.#bringIntoSight(this.#current);
      this.#show();
    }).observe(this.element);
  }

  /**
   * Shows these items; `current` is the place of the latest at the moment, which is to be in sight, -1 for none.
   * It is selected only where the moment is its own: then all panels speak of it.
   */
  set(items: readonly Item[], current: number, isSelected: boolean): void {
    this.#isSelected = isSelected;
    const moved = current !== this.#current || items.length !== this.#items.length;
    // Others, at other places: a row's date depends on the row before.
    if (items !== this.#items) this.redraw();
    this.#items = items;
    this.#current = current;
    const height = `${items.length * this.#height}px`;
    if (this.#rows.style.height !== height) this.#rows.style.height = height;
    if (moved && current >= 0) this.#bringIntoSight(current);
    this.#show();
  }

  /** Rows are to look otherwise from now on. */
  redraw(): void {
    this.#drawn.clear();
    // What follows may be nothing: then no other row takes their place.
    this.#rows.replaceChildren();
  }

  #bringIntoSight(place: number): void {
    const { scrollTop, clientHeight } = this.element;
    const top = place * this.#height;
    if (top < scrollTop + this.#height) this.element.scrollTop = Math.max(0, top - 2 * this.#height);
    else if (top > scrollTop + clientHeight - 2 * this.#height) {
      this.element.scrollTop = top - clientHeight + 2 * this.#height;
    }
  }

  #show(): void {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / this.#height) - 4);
    const last = Math.min(this.#items.length, first + Math.ceil(clientHeight / this.#height) + 8);
    const former = this.#drawn;
    this.#drawn = new Map();
    for (let place = first; place < last; place += 1) {
      const item = this.#items[place];
      if (item === undefined) continue;
      const known = former.get(place);
      const element = known?.item === item ? known.element : this.#draw(item, place);
      this.#drawn.set(place, { item, element });
      this.#mark(element, place);
    }
    const isSame =
      former.size === this.#drawn.size &&
      [...this.#drawn].every(([place, { element }]) => former.get(place)?.element === element);
    if (!isSame) this.#rows.replaceChildren(...[...this.#drawn.values()].map(({ element }) => element));
    const isInSight = this.#current >= first && this.#current < last;
    // Readers follow it: the focus stays with the list.
    if (isInSight) this.element.setAttribute('aria-activedescendant', `${this.#id}-${this.#current}`);
    else this.element.removeAttribute('aria-activedescendant');
  }

  #draw(item: Item, place: number): HTMLElement {
    const row = this.#row(item, place);
    row.id = `${this.#id}-${place}`;
    row.setAttribute('data-place', `${place}`);
    row.setAttribute('role', 'option');
    row.setAttribute('aria-posinset', `${place + 1}`);
    row.style.transform = `translateY(${place * this.#height}px)`;
    return row;
  }

  /** What changes with the moment. */
  #mark(row: HTMLElement, place: number): void {
    const isLatest = place === this.#current;
    row.classList.toggle('current', isLatest && this.#isSelected);
    row.classList.toggle('latest', isLatest && !this.#isSelected);
    row.classList.toggle('future', this.#current >= 0 && place > this.#current);
    const [selected, size] = [`${isLatest && this.#isSelected}`, `${this.#items.length}`];
    if (row.getAttribute('aria-selected') !== selected) row.setAttribute('aria-selected', selected);
    if (row.getAttribute('aria-setsize') !== size) row.setAttribute('aria-setsize', size);
  }
}
