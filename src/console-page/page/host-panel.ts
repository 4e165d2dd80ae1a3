import type { HostFacts } from '../../console/model.ts';
import { button, dateTimeOf, el, spanOf } from '../../inspect/page/dom.ts';
import { cell, table } from '../../inspect/page/tables.ts';
import type { FromServer } from '../protocol.ts';

/** All that the Zeek knows of the host that is picked. */
export class HostPanel {
  readonly element: HTMLElement;
  readonly #body = el(
    'div',
    { class: 'host-body' },
    el('p', { class: 'dim' }, 'Pick a host to see what is known of it.'),
  );

  /** @param onAsk asks this host alone; undefined where nothing may be asked */
  readonly #onAsk: (host: HostFacts) => void;

  constructor(onAsk: (host: HostFacts) => void) {
    this.#onAsk = onAsk;
    this.element = el(
      'section',
      { class: 'panel host', id: 'host', 'aria-label': 'Host' },
      el('header', {}, el('h2', {}, 'Host')),
      this.#body,
    );
  }

  set({ id, host, queries, warnings }: Extract<FromServer, { type: 'host' }>, now: number): void {
    if (!host) {
      this.#body.replaceChildren(el('p', {}, `The Zeek knows no host ${id}.`));
      return;
    }
    const rows = el('tbody', {});
    for (const { sql, interval, wantedBy } of queries) {
      const every = interval === 0 ? 'once' : `${interval} s`;
      rows.append(el('tr', {}, cell(el('code', {}, sql)), cell(every), cell(wantedBy.join(', '))));
    }
    this.#body.replaceChildren(
      facts(host, now),
      button('Ask this host', 'Ask this host alone', () => this.#onAsk(host)),
      el('h3', {}, 'Queries'),
      queries.length === 0
        ? el('p', { class: 'dim' }, 'No query is wanted of it.')
        : table(['query', 'every', 'wanted by'], rows),
      el('h3', {}, 'Last warnings'),
      warnings.length === 0
        ? el('p', { class: 'dim' }, 'None since this Zeek started.')
        : el(
            'ul',
            {},
            ...warnings.map(({ at, kind, text }) => el('li', {}, `${dateTimeOf(at)} ${kind}: ${text}`)),
          ),
    );
  }
}

function facts(host: HostFacts, now: number): HTMLElement {
  const { id, name, addresses, groups, platform, os, version, connected, since, lastSeen, gateway, rows } =
    host;
  const state = connected
    ? since === null
      ? 'connected'
      : `connected for ${spanOf(now - since)}`
    : `gone, seen ${spanOf(now - lastSeen)} ago`;
  const list: readonly (readonly [string, string])[] = [
    ['name', name || '-'],
    ['id', id],
    ['state', state],
    ['system', [os, platform].filter((text) => text !== '').join(', ') || '-'],
    ['extension', version || '-'],
    ['connected by', gateway === '' ? 'itself' : `gateway ${gateway}`],
    ['groups', groups.join(' ') || '-'],
    ['addresses', addresses.join(' ') || '-'],
    ['rows', rows === null ? 'not counted' : String(rows)],
  ];
  return el(
    'dl',
    {},
    ...list.flatMap(([term, text]) => [el('dt', { class: 'dim' }, term), el('dd', {}, text)]),
  );
}
