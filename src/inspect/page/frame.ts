import type { SourceName } from '../protocol.ts';
import { button, el } from './dom.ts';
import { listenToTabKeys, markTab } from './tab-keys.ts';
import type { Panel } from './view.ts';

const NAMES = ['machines', 'bus', 'schedule', 'log', 'details'];

/** What surrounds the panels: the head of the page, and tabs where the window is narrow. */
export class Frame {
  readonly #problem = el('p', { class: 'problem', role: 'alert', hidden: '' });
  readonly #badge = el('span', { class: 'badge', role: 'status' }, 'connecting');
  readonly #source = el('span', { class: 'source dim' });
  readonly #tabs = NAMES.map((name) => {
    const tab = button(name, `Show ${name}`, () => this.show(name));
    tab.setAttribute('data-panel', name);
    tab.setAttribute('role', 'tab');
    tab.setAttribute('aria-controls', name);
    tab.id = `tab-${name}`;
    return tab;
  });
  readonly #list = el('div', { class: 'panel-tabs', role: 'tablist', 'aria-label': 'Panels' }, ...this.#tabs);
  #state = 'connecting';
  /** As in the style sheet: then one panel is shown at a time. */
  readonly #narrow = matchMedia('(max-width: 900px)');

  constructor(
    panels: readonly Panel[],
    { bar, filters }: { readonly bar: Panel; readonly filters: HTMLElement },
    commands: { readonly theme: () => void; readonly help: () => void },
  ) {
    document.body.append(
      el(
        'header',
        { class: 'top' },
        el('h1', {}, 'bro-osquery'),
        this.#source,
        this.#badge,
        this.#list,
        el(
          'span',
          { class: 'tools' },
          button('◐', 'Theme: light, dark or system (T)', commands.theme),
          button('?', 'Keys (?)', commands.help),
        ),
      ),
      this.#problem,
      filters,
      el('main', {}, ...panels.map(({ element }) => element)),
      bar.element,
    );
    const sections = panels.map(({ element }) => element);
    const arrange = () => {
      for (const section of sections) this.#arrange(section);
    };
    this.#narrow.addEventListener('change', arrange);
    arrange();
    listenToTabKeys(this.#list, (tab) => this.show(tab.getAttribute('data-panel') ?? ''));
    this.show('machines');
  }

  /** A panel that is shown in place of others is a tab's panel; one that stands beside them is a region of its own. */
  #arrange(section: HTMLElement): void {
    if (this.#narrow.matches) section.setAttribute('role', 'tabpanel');
    else section.removeAttribute('role');
  }

  /** On a narrow window one panel is shown. */
  show(name: string): void {
    document.body.dataset['panel'] = name;
    for (const tab of this.#tabs) {
      markTab(tab, tab.getAttribute('data-panel') === name);
    }
  }

  /** An event log knows of no messages: the panels are arranged otherwise then. */
  name({ name, kind }: SourceName): void {
    document.body.dataset['source'] = kind;
    this.#source.textContent = name;
    this.#source.title = name;
    this.#problem.hidden = true;
  }

  problem(text: string): void {
    this.#problem.textContent = text;
    this.#problem.hidden = false;
  }

  state(name: string, text: string): void {
    this.#state = text;
    this.#badge.textContent = text;
    this.#badge.className = `badge ${name}`;
  }

  /** Says something for a moment. */
  flash(text: string): void {
    this.#badge.textContent = text;
    setTimeout(() => {
      this.#badge.textContent = this.#state;
    }, 1_500);
  }
}
