import { type Filter, isFiltering, NO_FILTER } from '../filter.ts';
import { button, el } from './dom.ts';
import type { Panel, View } from './view.ts';

export interface FilterCommands {
  filterBy(filter: Filter): void;
}

const SEVERITIES: readonly (readonly [Filter['severity'], string])[] = [
  ['', 'all events'],
  ['trouble', 'warnings and errors'],
  ['error', 'errors'],
];

/** Chooses which records and messages the lists show: by severity, Zeek, type and query. */
export class FilterBar implements Panel {
  readonly element: HTMLElement;
  readonly #severity = el(
    'select',
    { 'aria-label': 'Severity' },
    ...SEVERITIES.map(([value, says]) => el('option', { value }, says)),
  );
  readonly #zeek = el('select', { 'aria-label': 'Zeek' }, el('option', { value: '' }, 'every Zeek'));
  readonly #type = el('input', {
    ...{ type: 'search', placeholder: 'type or query', spellcheck: 'false', list: 'types' },
    'aria-label': 'Type of the event, or name of the query',
  });
  readonly #types = el('datalist', { id: 'types' });
  readonly #reset: HTMLButtonElement;
  #listed = '';
  #seen = 0;
  readonly #names = new Set<string>();

  constructor(commands: FilterCommands) {
    const change = () =>
      commands.filterBy({
        severity: SEVERITIES.find(([value]) => value === this.#severity.value)?.[0] ?? '',
        zeek: this.#zeek.value,
        type: this.#type.value,
      });
    for (const control of [this.#severity, this.#zeek, this.#type]) control.addEventListener('input', change);
    this.#reset = button('Show all', 'Filter nothing', () => commands.filterBy(NO_FILTER));
    this.element = el(
      'section',
      { class: 'filters', 'aria-label': 'Filter of the lists' },
      el('span', { class: 'dim' }, 'Show'),
      this.#severity,
      this.#zeek,
      this.#type,
      this.#types,
      this.#reset,
    );
  }

  render(view: View): void {
    const { filter } = view;
    this.#offer(view);
    if (this.#severity.value !== filter.severity) this.#severity.value = filter.severity;
    if (this.#zeek.value !== filter.zeek) this.#zeek.value = filter.zeek;
    if (this.#type.value !== filter.type && document.activeElement !== this.#type) {
      this.#type.value = filter.type;
    }
    this.#reset.setAttribute('aria-disabled', `${!isFiltering(filter)}`);
    this.element.classList.toggle('filtering', isFiltering(filter));
  }

  /** The Zeeks, types and queries that there have been. */
  #offer({ history, schedule, filter }: View): void {
    if (history.length < this.#seen) this.#seen = 0;
    for (; this.#seen < history.length; this.#seen += 1) {
      const entry = history.at(this.#seen);
      if (entry?.kind !== 'fact' && entry?.kind !== 'message') continue;
      this.#names.add(entry.type);
      if (entry.query !== '') this.#names.add(entry.query);
    }
    const actors = history.actors.filter((actor) => actor.startsWith('peer:')).map((actor) => actor.slice(5));
    const named = [...(schedule?.bros ?? []).map(({ peer }) => peer), filter.zeek];
    const zeeks = [...new Set([...actors, ...named])].filter((zeek) => zeek !== '').sort();
    const key = JSON.stringify([zeeks, this.#names.size]);
    if (key === this.#listed) return;
    this.#listed = key;
    this.#zeek.replaceChildren(
      el('option', { value: '' }, 'every Zeek'),
      ...zeeks.map((zeek) => el('option', { value: zeek }, zeek)),
    );
    const names = [...this.#names].sort().slice(0, MOST_OFFERED);
    this.#types.replaceChildren(...names.map((name) => el('option', { value: name })));
  }
}

/** Types and queries that are offered; others can be typed all the same. */
const MOST_OFFERED = 500;
