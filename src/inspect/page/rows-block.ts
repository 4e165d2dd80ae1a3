import { MOST_ROWS, type RowsView, type RowView } from '../rows.ts';
import { button, dateTimeOf, el, timeOf } from './dom.ts';
import { cell, row, table } from './tables.ts';
import type { Commands, View } from './view.ts';

/** The latest rows of the query that was picked, or how to see any. */
export class RowsBlock {
  readonly element = el('div', { class: 'rows-block' });
  readonly #commands: Commands;
  #shown: View['rows'] | undefined;

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  render({ rows, schedule }: View): void {
    const { picked, view } = rows;
    if (picked === this.#shown?.picked && view === this.#shown.view) return;
    this.#shown = rows;
    const order = schedule?.subscriptions.find(({ name }) => name === picked)?.columns ?? [];
    if (view?.outcome === 'hidden') this.element.replaceChildren(note(view.how));
    else if (picked === '') {
      this.element.replaceChildren(
        ...(view === null ? [] : [note('Press a count of rows to see the latest of them.')]),
      );
    } else this.element.replaceChildren(this.#head(picked), ...contents(view, order));
  }

  #head(picked: string): HTMLElement {
    const close = button('Close', 'Show no rows', () => this.#commands.pickRows(picked));
    return el('header', {}, el('h3', {}, `Latest rows of ${picked}`), close);
  }
}

/** @param order of the query's columns; osquery gives those of a row by the alphabet */
function contents(view: RowsView | null, order: readonly string[]): Node[] {
  if (view === null) return [note('The journal is being read.')];
  if (view.outcome === 'hidden') return [note(view.how)];
  if (view.outcome === 'unreadable') return [note(view.problem)];
  const { columns, rows, isCut } = view;
  if (rows.length === 0) return [note(isCut ? 'None in the newest part of the journal.' : NONE)];
  const rank = (index: number) => {
    const found = order.indexOf(columns[index] ?? '');
    return found < 0 ? order.length : found;
  };
  const places = [...columns.keys()].sort((one, other) => rank(one) - rank(other));
  const heads = ['Received', 'Change', ...places.map((place) => columns[place] ?? '')];
  const body = el('tbody', {}, ...rows.map((one) => rowOf(one, places, heads)));
  const shown = table(heads, body, 'latest-rows');
  const name = { role: 'group', 'aria-label': 'Latest rows' };
  const scroll = el('div', { class: 'rows-scroll', tabindex: '0', ...name }, shown);
  if (rows.length >= MOST_ROWS) return [scroll, note(`These are the latest ${MOST_ROWS}.`)];
  return isCut ? [scroll, note('Older ones may be in the journal.')] : [scroll];
}

const NONE = 'None is in the journal, which deletes in time what every Zeek has confirmed.';

const CHANGES: Readonly<Record<RowView['change'], string>> = {
  ADDED: '+ added',
  REMOVED: '− removed',
  SNAPSHOT: 'snapshot',
};

function rowOf(
  { at, change, cells, sequence }: RowView,
  places: readonly number[],
  heads: readonly string[],
): HTMLElement {
  const received = cell(timeOf(at));
  received.title = `${dateTimeOf(at)}, number ${sequence}`;
  const values = places.map((place) => cell(cells[place] ?? ''));
  return row(heads, [received, cell(CHANGES[change]), ...values], {
    class: `change-${change.toLowerCase()}`,
  });
}

function note(text: string): HTMLElement {
  return el('p', { class: 'dim note' }, text);
}
