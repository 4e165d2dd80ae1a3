import type { HostFacts } from '../../console/model.ts';
import { button, el } from '../../inspect/page/dom.ts';
import { VirtualList } from '../../inspect/page/virtual-list.ts';

/** Pixels; the style sheet says the same. */
const ROW_HEIGHT = 26;

/** The hosts that the Zeek knows, as many as there are, with a filter. */
export class HostsPanel {
  readonly element: HTMLElement;
  readonly #list: VirtualList<HostFacts>;
  readonly #filter = el('input', {
    ...{ type: 'search', placeholder: 'name, id, group, address, platform', spellcheck: 'false' },
    'aria-label': 'Filter hosts',
  });
  readonly #count = el('output', { class: 'dim' });
  #hosts: readonly { readonly host: HostFacts; readonly text: string }[] = [];
  #picked = '';

  constructor(onPick: (host: HostFacts) => void, onRefresh: () => void) {
    this.#list = new VirtualList({
      id: 'host-list',
      label: 'Hosts',
      rowHeight: ROW_HEIGHT,
      row: hostRow,
      onPick: (host) => {
        this.#picked = host.id;
        this.#show();
        onPick(host);
      },
    });
    this.#filter.addEventListener('input', () => this.#show());
    this.element = el(
      'section',
      { class: 'panel hosts', id: 'hosts', 'aria-label': 'Hosts' },
      el(
        'header',
        {},
        el('h2', {}, 'Hosts'),
        this.#count,
        this.#filter,
        button('↻', 'Ask for the hosts again', onRefresh),
      ),
      this.#list.element,
    );
  }

  set(hosts: readonly HostFacts[]): void {
    this.#hosts = hosts.map((host) => ({ host, text: textOf(host) }));
    this.#show();
  }

  #show(): void {
    const words = this.#filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.#hosts
      .filter(({ text }) => words.every((word) => text.includes(word)))
      .map(({ host }) => host);
    const connected = found.filter((host) => host.connected).length;
    this.#count.textContent =
      found.length === this.#hosts.length
        ? `${found.length}, ${connected} connected`
        : `${found.length} of ${this.#hosts.length}, ${connected} connected`;
    const place = found.findIndex(({ id }) => id === this.#picked);
    this.#list.set(found, place, place >= 0);
  }
}

function hostRow(host: HostFacts): HTMLElement {
  const { name, id, connected, platform, os, version } = host;
  return el(
    'div',
    { class: 'row', title: `${name} ${id}` },
    el('span', { class: `dot${connected ? ' connected' : ''}` }),
    el('span', {}, name || id),
    el('span', { class: 'dim' }, os || platform),
    el('span', { class: 'dim' }, version),
  );
}

function textOf(host: HostFacts): string {
  const { id, name, addresses, groups, platform, os, version, gateway, connected } = host;
  const words = [id, name, ...addresses, ...groups, platform, os, version, gateway];
  return [...words, connected ? 'connected' : 'gone'].join(' ').toLowerCase();
}
