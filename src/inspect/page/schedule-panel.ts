import type { SubscriptionView } from '../schedule-view.ts';
import { DELIVERY_HEADS, deliveryOf, deliveryRow, peersOf } from './delivery-row.ts';
import { el, NOTHING_YET, spanOf } from './dom.ts';
import { PlotsBlock } from './plots-block.ts';
import { RowsBlock } from './rows-block.ts';
import { SUBSCRIPTION_HEADS, SubscriptionRow } from './subscription-row.ts';
import { cell, emptyRow, row, table } from './tables.ts';
import type { Commands, Panel, View } from './view.ts';

const ONCE_HEADS = ['One-time query', 'Zeek', 'Asked'];

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
  readonly #rows: RowsBlock;
  readonly #plots = new PlotsBlock();
  readonly #commands: Commands;
  #key = '';
  /** Each subscription's line, and what it was made of. */
  #lines: Map<string, { readonly told: string; readonly row: SubscriptionRow }> = new Map();
  #listed = '';

  constructor(commands: Commands) {
    this.#commands = commands;
    this.#rows = new RowsBlock(commands);
    this.#onceTable = table(ONCE_HEADS, this.#once, 'cards');
    this.element = el(
      'section',
      { class: 'panel schedule', id: 'schedule', 'aria-label': 'Schedule' },
      el('header', {}, el('h2', {}, 'Schedule'), this.#count),
      el(
        'div',
        { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Schedule and delivery' },
        table(SUBSCRIPTION_HEADS, this.#body, 'subscriptions cards'),
        this.#rows.element,
        this.#onceTable,
        this.#groups,
        el('h3', {}, 'Delivery'),
        table(DELIVERY_HEADS, this.#zeeks, 'delivery cards'),
        this.#plots.element,
        el('details', {}, el('summary', {}, "osquery's configuration at this moment"), this.#config),
      ),
    );
  }

  render(view: View): void {
    this.#rows.render(view);
    this.#groups.hidden = false;
    if (!view.schedule) this.#groups.textContent = NOTHING_YET;
    const { schedule, history, moment } = view;
    const counted = history.rowsAt(moment);
    const rows = counted?.counts ?? [];
    const peers = peersOf(view);
    this.#plots.render(view, peers);
    const isNow = view.live && view.source?.kind === 'live';
    const at = isNow ? view.now : (history.at(moment)?.at ?? 0);
    const delivery = peers.map((peer) => deliveryOf(view, peer, at));
    const shows = view.rows.view !== null && view.rows.view.outcome !== 'hidden';
    const key = JSON.stringify([
      ...[schedule, rows, delivery, counted?.runs, Math.floor(at / 500)],
      ...[shows, view.rows.picked],
    ]);
    if (key === this.#key || !schedule) return;
    this.#key = key;
    const { subscriptions, executions, groups, config } = schedule;
    this.#count.textContent = `${subscriptions.length}`;
    this.#showSubscriptions(subscriptions);
    const source = view.source?.kind ?? 'live';
    for (const { name, peer } of subscriptions) {
      const counts = rows.find((one) => one.name === name && one.peer === peer);
      const open = view.rows.picked === name ? 'open' : 'shut';
      const news = {
        at,
        lastRun: counted?.runs[name],
        counts,
        rows: shows ? open : 'hidden',
        source,
      } as const;
      this.#lines.get(name)?.row.update(news);
    }
    this.#onceTable.hidden = executions.length === 0;
    this.#once.replaceChildren(
      ...executions.map(({ sql, peer, since }) =>
        row(ONCE_HEADS, [cell(el('code', {}, sql)), cell(peer), cell(`${spanOf(at - since)} ago`)]),
      ),
    );
    this.#groups.textContent = groups.length === 0 ? '' : `In groups: ${groups.join(', ')}`;
    const nobody = emptyRow(DELIVERY_HEADS.length, 'No Zeek is known at this moment.');
    this.#zeeks.replaceChildren(...(delivery.length === 0 ? [nobody] : delivery.map(deliveryRow)));
    this.#config.textContent = config;
  }

  /** A line for each; those that are there stay. */
  #showSubscriptions(subscriptions: readonly SubscriptionView[]): void {
    const key = JSON.stringify(subscriptions);
    if (key === this.#listed) return;
    this.#listed = key;
    const former = this.#lines;
    this.#lines = new Map();
    for (const one of subscriptions) {
      const told = JSON.stringify(one);
      const known = former.get(one.name);
      const line = known?.told === told ? known : { told, row: new SubscriptionRow(one, this.#commands) };
      this.#lines.set(one.name, line);
    }
    const none = emptyRow(SUBSCRIPTION_HEADS.length, 'No Zeek has subscriptions.');
    const rows = [...this.#lines.values()].map(({ row }) => row.element);
    this.#body.replaceChildren(...(rows.length === 0 ? [none] : rows));
  }
}
