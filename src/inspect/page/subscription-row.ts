import type { RowCounts } from '../entries.ts';
import type { SourceName } from '../protocol.ts';
import type { SubscriptionView } from '../schedule-view.ts';
import { button, dateTimeOf, el, spanOf } from './dom.ts';
import { cell, row } from './tables.ts';
import type { Commands } from './view.ts';

/** What changes in a subscription's line while it is shown. */
export interface SubscriptionNews {
  /** The moment that is shown, milliseconds since the epoch. */
  readonly at: number;
  /** When osquery last ran it, if that is known. */
  readonly lastRun: number | undefined;
  readonly counts: RowCounts | undefined;
  /** Whether its rows can be shown, and are. */
  readonly rows: 'hidden' | 'shut' | 'open';
  /** Where it is read; only a running extension tells of runs and counts. */
  readonly source: SourceName['kind'];
}

export const SUBSCRIPTION_HEADS = ['Query', 'Zeek', 'Every', 'Since', 'Next run', 'Rows'];

/** A subscription's line in the schedule. Its elements stay, so that what is being pressed is not taken away. */
export class SubscriptionRow {
  readonly element: HTMLElement;
  readonly #subscription: SubscriptionView;
  readonly #since = cell();
  readonly #next = cell();
  readonly #count = cell();
  readonly #open: HTMLButtonElement;

  constructor(subscription: SubscriptionView, commands: Commands) {
    this.#subscription = subscription;
    const { name, peer, interval, updateType, since } = subscription;
    this.#open = button('', 'Show its latest rows', () => commands.pickRows(name), 'open-rows');
    this.#since.title = dateTimeOf(since);
    const every = cell(`${interval} s`, el('div', { class: 'dim' }, updateType.toLowerCase()));
    this.element = row(
      SUBSCRIPTION_HEADS,
      [queryCell(subscription), cell(peer), every, this.#since, this.#next, this.#count],
      { 'data-name': name },
    );
  }

  update({ at, lastRun, counts, rows, source }: SubscriptionNews): void {
    const { since, interval } = this.#subscription;
    put(this.#since, spanOf(at - since));
    const unknown = source === 'live' ? '–' : `not in a ${source}`;
    for (const [place, isKnown] of [
      [this.#next, lastRun !== undefined],
      [this.#count, counts !== undefined],
    ] as const) {
      place.className = isKnown ? '' : 'dim';
    }
    put(this.#next, lastRun === undefined ? unknown : nextRun(lastRun, interval, at));
    const taken = counts ? `${counts.taken}` : unknown;
    if (rows === 'hidden') {
      put(this.#count, taken);
      return;
    }
    this.#open.setAttribute('aria-pressed', `${rows === 'open'}`);
    put(this.#open, counts ? taken : 'show');
    if (this.#open.parentNode !== this.#count) this.#count.replaceChildren(this.#open);
  }
}

function put(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function queryCell(one: SubscriptionView): HTMLTableCellElement {
  const marks = [
    ...(one.trouble === '' ? [] : [`■ ${one.trouble}`]),
    ...(one.confirmed ? [] : ['not asked again yet']),
    ...(one.generation > 1 ? [`generation ${one.generation}`] : []),
  ];
  return cell(
    el('code', {}, one.sql),
    el('div', { class: 'dim' }, `${one.name} → ${one.event} (${one.vocabulary}), for ${one.via}`),
    ...(marks.length === 0 ? [] : [el('div', { class: 'marks' }, marks.join(' · '))]),
  );
}

/** About when osquery runs it again: it moves intervals a little, so that not everything runs at once. */
function nextRun(last: number, interval: number, at: number): string {
  const length = interval * 1_000;
  const left = length - (Math.max(0, at - last) % length);
  return `~ ${spanOf(left < 10_000 ? left : Math.ceil(left / 1_000) * 1_000)}`;
}
