import { FilteredIndices, passes } from '../filter.ts';
import { type History, lastUpTo } from '../history.ts';
import { markOf } from '../severity.ts';
import { el, NOTHING_YET, timeCell } from './dom.ts';
import { classOf, signOf } from './signs.ts';
import type { Commands, Panel, View } from './view.ts';
import { VirtualList } from './virtual-list.ts';

/** Pixels. */
const ROW = 26;

/** The event log: what is so, fact by fact. */
export class LogPanel implements Panel {
  readonly element: HTMLElement;
  readonly #list: VirtualList<number>;
  readonly #count = el('span', { class: 'dim count' });
  readonly #empty = el('p', { class: 'dim note' }, NOTHING_YET);
  #history: History | undefined;
  readonly #filtered = new FilteredIndices();
  #shown: readonly number[] = [];
  #numbered = true;

  constructor(commands: Commands) {
    this.#list = new VirtualList<number>({
      id: 'records',
      label: 'Records of the event log',
      rowHeight: ROW,
      row: (index, place) => this.#row(index, place),
      onPick: (index) => commands.goTo(index),
    });
    this.element = el(
      'section',
      { class: 'panel log', id: 'log', 'aria-label': 'Event log' },
      el('header', {}, el('h2', {}, 'Event log'), this.#count),
      this.#empty,
      this.#list.element,
    );
  }

  render({ history, moment, source, filter }: View): void {
    this.#history = history;
    const { facts } = history;
    this.#shown = this.#filtered.of(history, facts, {
      key: JSON.stringify(filter),
      accepts: () => passes(filter),
    });
    this.#empty.hidden = this.#shown.length > 0;
    if (source) {
      const none =
        facts.length === 0 ? 'No record of the event log has been seen.' : 'No record matches the filter.';
      this.#empty.textContent = none;
    }
    const numbered = source?.kind !== 'trace';
    if (numbered !== this.#numbered) this.#list.redraw();
    this.#numbered = numbered;
    this.#count.textContent =
      this.#shown.length === facts.length ? `${facts.length}` : `${this.#shown.length} of ${facts.length}`;
    const latest = lastUpTo(this.#shown, moment);
    this.#list.set(this.#shown, latest, this.#shown[latest] === moment);
  }

  #row(index: number, place: number): HTMLElement {
    const entry = this.#history?.at(index);
    const before = this.#shown[place - 1];
    if (entry?.kind !== 'fact') return el('div', { class: 'row' });
    const mark = markOf(entry);
    return el(
      'div',
      { class: `row fact ${classOf(mark)}`, title: `${entry.type}: ${entry.words}` },
      timeCell(entry.at, before === undefined ? undefined : this.#history?.at(before)?.at),
      el('span', { class: 'seq' }, this.#numbered ? `#${entry.seq}` : ''),
      signOf(mark),
      el('span', { class: 'words' }, entry.words),
    );
  }
}
