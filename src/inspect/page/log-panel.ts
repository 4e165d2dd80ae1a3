import { type History, lastUpTo } from '../history.ts';
import { el, NOTHING_YET, timeCell } from './dom.ts';
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
  #numbered = true;

  constructor(commands: Commands) {
    this.#list = new VirtualList<number>({
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

  render({ history, moment, source }: View): void {
    this.#history = history;
    this.#empty.hidden = history.facts.length > 0;
    if (source) this.#empty.textContent = 'No record of the event log has been seen.';
    this.#numbered = source?.kind !== 'trace';
    this.#count.textContent = `${history.facts.length}`;
    const latest = lastUpTo(history.facts, moment);
    this.#list.set(history.facts, latest, history.facts[latest] === moment);
  }

  #row(index: number, place: number): HTMLElement {
    const entry = this.#history?.at(index);
    const before = this.#history?.facts[place - 1];
    if (entry?.kind !== 'fact') return el('div', { class: 'row' });
    return el(
      'div',
      { class: `row fact type-${entry.type}`, title: `${entry.type}: ${entry.words}` },
      timeCell(entry.at, before === undefined ? undefined : this.#history?.at(before)?.at),
      el('span', { class: 'seq' }, this.#numbered ? `#${entry.seq}` : ''),
      el('span', { class: 'words' }, entry.words),
    );
  }
}
