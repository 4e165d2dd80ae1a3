import type { RowCounts, RowsEntry } from '../entries.ts';
import type { SubscriptionView } from '../schedule-view.ts';
import { dateTimeOf, el, spanOf } from './dom.ts';
import type { Panel, View } from './view.ts';

/** The schedule at the moment, who wants it, and how far the rows have got to each Zeek. */
export class SchedulePanel implements Panel {
  readonly element: HTMLElement;
  readonly #body = el('tbody');
  readonly #once = el('tbody');
  readonly #onceTable: HTMLElement;
  readonly #zeeks = el('tbody');
  readonly #count = el('span', { class: 'dim count' });
  readonly #config = el('pre', { class: 'config', tabindex: '0' });
  readonly #groups = el('p', { class: 'dim groups' });
  #key = '';

  constructor() {
    this.#onceTable = table(['One-time query', 'Zeek', 'Asked'], this.#once);
    this.element = el(
      'section',
      { class: 'panel schedule', id: 'schedule', 'aria-label': 'Schedule' },
      el('header', {}, el('h2', {}, 'Schedule'), this.#count),
      el(
        'div',
        { class: 'scroll', tabindex: '0', 'aria-label': 'Schedule and delivery' },
        table(['Query', 'Zeek', 'Every', 'Since', 'Next run', 'Rows'], this.#body, 'subscriptions'),
        this.#onceTable,
        this.#groups,
        el('h3', {}, 'Delivery'),
        table(['Zeek', 'Link', 'Sent', 'Confirmed', 'Waiting', 'Dropped'], this.#zeeks, 'delivery'),
        el('details', {}, el('summary', {}, "osquery's configuration at this moment"), this.#config),
      ),
    );
  }

  render(view: View): void {
    const { schedule, history, moment } = view;
    const counted = history.rowsAt(moment);
    const rows = counted?.accounts ?? [];
    const peers = peersOf(view);
    const delivery = peers.map((peer) => deliveryOf(view, peer, rows));
    const isNow = view.live && view.source?.kind === 'live';
    const at = isNow ? view.now : (history.at(moment)?.at ?? 0);
    const key = JSON.stringify([schedule, rows, delivery, counted?.runs, Math.floor(at / 500)]);
    if (key === this.#key || !schedule) return;
    this.#key = key;
    const { subscriptions, executions, groups, config } = schedule;
    this.#count.textContent = `${subscriptions.length}`;
    this.#body.replaceChildren(
      ...(subscriptions.length === 0
        ? [el('tr', {}, el('td', { colspan: '6', class: 'dim' }, 'No Zeek wants anything.'))]
        : subscriptions.map((one) => subscriptionRow(one, rows, counted?.runs ?? {}, at))),
    );
    this.#onceTable.hidden = executions.length === 0;
    this.#once.replaceChildren(
      ...executions.map(({ sql, peer, since }) =>
        el('tr', {}, cell(el('code', {}, sql)), cell(peer), cell(`${spanOf(at - since)} ago`)),
      ),
    );
    this.#groups.textContent = groups.length === 0 ? '' : `In groups: ${groups.join(', ')}`;
    this.#zeeks.replaceChildren(...delivery.map(deliveryRow));
    this.#config.textContent = config;
  }
}

function subscriptionRow(
  one: SubscriptionView,
  rows: readonly RowCounts[],
  runs: RowsEntry['runs'],
  at: number,
): HTMLElement {
  const own = rows.find(({ name, peer }) => name === one.name && peer === one.peer);
  const marks = [
    ...(one.denylisted ? ['stopped by osquery'] : []),
    ...(one.confirmed ? [] : ['not asked again yet']),
    ...(one.generation > 1 ? [`generation ${one.generation}`] : []),
  ];
  const query = cell(
    el('code', {}, one.sql),
    el('div', { class: 'dim' }, `${one.name} → ${one.event} (${one.vocabulary}), for ${one.via}`),
    ...(marks.length === 0 ? [] : [el('div', { class: 'marks' }, marks.join(' · '))]),
  );
  const since = cell(`${spanOf(at - one.since)}`);
  since.title = dateTimeOf(one.since);
  return el(
    'tr',
    { 'data-name': one.name },
    query,
    cell(one.peer),
    cell(`${one.interval} s`, el('div', { class: 'dim' }, one.updateType.toLowerCase())),
    since,
    cell(nextRun(runs[one.name], one.interval, at)),
    cell(own ? `${own.taken}` : '–'),
  );
}

/** About when osquery runs it again: it moves intervals a little, so that not everything runs at once. */
function nextRun(last: number | undefined, interval: number, at: number): string {
  if (last === undefined) return '–';
  const length = interval * 1_000;
  const left = length - (Math.max(0, at - last) % length);
  return `~ ${spanOf(left < 10_000 ? left : Math.ceil(left / 1_000) * 1_000)}`;
}

interface Delivery {
  readonly peer: string;
  readonly link: string;
  readonly sent: number | null;
  readonly confirmed: number | null;
  readonly pending: number | null;
  readonly dropped: number | null;
}

function peersOf({ schedule, history }: View): readonly string[] {
  const actors = history.actors.filter((actor) => actor.startsWith('peer:')).map((actor) => actor.slice(5));
  return [...new Set([...actors, ...(schedule?.bros ?? []).map(({ peer }) => peer)])];
}

function deliveryOf(view: View, peer: string, rows: readonly RowCounts[]): Delivery {
  const { history, moment, schedule } = view;
  const bro = schedule?.bros.find((one) => one.peer === peer);
  const state = history.stepAt(`peer:${peer}`, moment)?.step.state;
  const link = typeof state === 'object' ? state['link'] : undefined;
  const own = rows.filter((one) => one.peer === peer);
  const progress = history.messageAt('courier.progress', peer, moment)?.numbers;
  const sum = (key: 'sent' | 'confirmed' | 'pending' | 'dropped') =>
    own.length > 0 ? own.reduce((total, one) => total + one[key], 0) : (progress?.[key] ?? null);
  return {
    peer,
    link: linkInWords(link) ?? (bro?.connected ? `connected (${bro.transport})` : 'away'),
    sent: sum('sent'),
    confirmed: sum('confirmed'),
    pending: sum('pending'),
    dropped: sum('dropped') ?? bro?.rowsDropped ?? null,
  };
}

function linkInWords(link: unknown): string | null {
  if (typeof link === 'string') return link;
  if (typeof link !== 'object' || link === null || !('linked' in link)) return null;
  const { linked } = link;
  return typeof linked === 'string' ? linked : Object.keys(linked ?? {}).join();
}

function deliveryRow({ peer, link, sent, confirmed, pending, dropped }: Delivery): HTMLElement {
  const count = (value: number | null) => cell(value === null ? '–' : `${value}`);
  const lag = cell();
  lag.append(pending === null ? '–' : `${pending}`);
  if (sent !== null && pending !== null && pending > 0) {
    lag.append(
      el('meter', { min: '0', max: `${sent + pending}`, value: `${pending}`, title: 'rows not confirmed' }),
    );
  }
  return el(
    'tr',
    { 'data-peer': peer },
    cell(peer),
    cell(link),
    count(sent),
    count(confirmed),
    lag,
    count(dropped),
  );
}

function cell(...children: readonly (Node | string)[]): HTMLTableCellElement {
  return el('td', {}, ...children);
}

function table(heads: readonly string[], body: HTMLElement, name = ''): HTMLElement {
  return el(
    'table',
    { class: name },
    el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', { scope: 'col' }, head)))),
    body,
  );
}
