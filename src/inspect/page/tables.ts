import { el } from './dom.ts';

export function cell(...children: readonly (Node | string)[]): HTMLTableCellElement {
  return el('td', {}, ...children);
}

/**
 * A table whose rows are cards where the window is narrow (see {@link row}). What it is to a reader is written out, since
 * browsers take a table that is drawn as blocks for none.
 */
export function table(heads: readonly string[], body: HTMLElement, name = ''): HTMLTableElement {
  body.setAttribute('role', 'rowgroup');
  return el(
    'table',
    { class: name, role: 'table' },
    el(
      'thead',
      { role: 'rowgroup' },
      el(
        'tr',
        { role: 'row' },
        ...heads.map((head) => el('th', { scope: 'col', role: 'columnheader' }, head)),
      ),
    ),
    body,
  );
}

/** A row of a {@link table} with those heads; each cell knows its head, which stands beside it in a card. */
export function row(
  heads: readonly string[],
  cells: readonly HTMLTableCellElement[],
  attributes: Readonly<Record<string, string>> = {},
): HTMLTableRowElement {
  for (const [index, one] of cells.entries()) {
    one.setAttribute('role', 'cell');
    one.setAttribute('data-head', heads[index] ?? '');
  }
  return el('tr', { role: 'row', ...attributes }, ...cells);
}

/** A row that says in one cell why there are no others. */
export function emptyRow(width: number, text: string): HTMLTableRowElement {
  return el('tr', { role: 'row' }, el('td', { role: 'cell', colspan: `${width}`, class: 'dim' }, text));
}
