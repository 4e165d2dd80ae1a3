import { el } from './dom.ts';

export function cell(...children: readonly (Node | string)[]): HTMLTableCellElement {
  return el('td', {}, ...children);
}

export function table(heads: readonly string[], body: HTMLElement, name = ''): HTMLTableElement {
  return el(
    'table',
    { class: name },
    el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', { scope: 'col' }, head)))),
    body,
  );
}
