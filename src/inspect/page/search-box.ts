import { lastUpTo } from '../history.ts';
import { button, el } from './dom.ts';
import type { Panel, View } from './view.ts';

export interface SearchCommands {
  find(text: string): void;
  nextHit(by: number): void;
}

/** Searches records and messages, counts what is found, and leads from one to the next. */
export class SearchBox implements Panel {
  readonly element: HTMLElement;
  readonly input = el('input', {
    ...{ type: 'search', placeholder: 'search records, messages, SQL', spellcheck: 'false' },
    'aria-label': 'Search records of the log and messages',
  });
  readonly #count = el('output', { class: 'hits dim' });
  readonly #steps: readonly HTMLButtonElement[];

  constructor(commands: SearchCommands) {
    this.input.addEventListener('input', () => commands.find(this.input.value));
    this.input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') commands.nextHit(event.shiftKey ? -1 : 1);
    });
    this.#steps = [
      button('↑', 'Previous hit (N)', () => commands.nextHit(-1)),
      button('↓', 'Next hit (n)', () => commands.nextHit(1)),
    ];
    this.element = el('search', { class: 'search-box' }, this.input, this.#count, ...this.#steps);
  }

  render({ find, hits, moment }: View): void {
    if (this.input.value !== find && document.activeElement !== this.input) this.input.value = find;
    const place = lastUpTo(hits, moment);
    const current = hits[place] === moment ? `${place + 1} of ` : '';
    this.#count.textContent = find.trim() === '' ? '' : `${current}${hits.length} found`;
    for (const one of this.#steps) one.setAttribute('aria-disabled', `${hits.length === 0}`);
  }
}
