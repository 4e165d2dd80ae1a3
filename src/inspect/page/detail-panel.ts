import { detailOf, NOTHING } from './details.ts';
import { button, dateTimeOf, el, timeOf } from './dom.ts';
import type { Panel, View } from './view.ts';

/** All that is known of what is selected: the fact, the message or the step at the moment. */
export class DetailPanel implements Panel {
  readonly element: HTMLElement;
  readonly #kind = el('span', { class: 'dim count' });
  readonly #body = el('div', {
    ...{ class: 'scroll detail-body', tabindex: '0', role: 'group', 'aria-label': 'Selected event' },
  });
  readonly #copy: HTMLButtonElement;
  #shown = '';
  #json = '';

  /** @param copy puts a text where others can paste it */
  constructor(copy: (text: string) => void) {
    this.#copy = button('Copy JSON', 'Copy the JSON of the selected event', () => copy(this.#json));
    this.element = el(
      'section',
      { class: 'panel details', id: 'details', 'aria-label': 'Details' },
      el('header', {}, el('h2', {}, 'Details'), this.#kind, el('span', { class: 'tools' }, this.#copy)),
      this.#body,
    );
  }

  render(view: View): void {
    const entry = view.history.at(view.moment);
    const detail = entry ? detailOf(entry, view) : NOTHING;
    const key = JSON.stringify([entry?.kind, entry?.at, detail]);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#json = detail.json;
    this.#copy.disabled = detail.json === '';
    this.#kind.textContent = entry
      ? `${entry.kind} · ${dateTimeOf(entry.at).slice(0, 10)} ${timeOf(entry.at)}`
      : '';
    const { words, members, json, note } = detail;
    this.#body.replaceChildren(
      el('p', { class: 'whole-words' }, words),
      el('dl', {}, ...members.flatMap(([name, lines]) => [el('dt', {}, name), member(lines)])),
      ...(note === '' ? [] : [el('p', { class: 'dim detail-note' }, note)]),
      ...(json === '' ? [] : [el('pre', { class: 'json' }, json)]),
    );
    this.#body.scrollTop = 0;
  }
}

function member(lines: readonly string[]): HTMLElement {
  if (lines.length <= 1) return el('dd', {}, ...lines);
  return el('dd', {}, ...lines.map((line) => el('div', { class: 'member-line' }, line)));
}
