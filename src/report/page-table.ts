import { html, type Markup } from './markup.ts';

/** A cell: what is shown, and what it is sorted by where that is another thing. */
export interface Cell {
  readonly shown: Markup | string | number;
  readonly sort?: number | string;
}

export interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
}

/** A table that the page's script lets one sort and search; without the script it is read as it is. */
export function table(
  id: string,
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly (Cell | string | number)[])[],
): Markup {
  const numbers = columns.map(({ isNumber }) => isNumber === true);
  const head = columns.map(
    ({ title }, at) => html`<th scope="col"${numbers[at] ? NUMBER : NOTHING}>${title}</th>`,
  );
  const body = rows.map(
    (row) =>
      html`<tr>${row.map((cell, at) => {
        const { shown, sort } = typeof cell === 'object' ? cell : { shown: cell, sort: undefined };
        const sorted = sort === undefined ? NOTHING : html` data-sort="${sort}"`;
        return html`<td${numbers[at] ? NUMBER : NOTHING}${sorted}>${shown}</td>`;
      })}</tr>`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table id="${id}" data-sortable><caption class="hidden">${caption}</caption><thead><tr>${head}</tr></thead><tbody>
${body}
</tbody></table></div>`;
}

const NUMBER = html` class="number"`;
const NOTHING = html``;

/** Milliseconds since the epoch as a time in UTC, to the second. */
export function at(time: number): Cell {
  const text = new Date(time).toISOString().slice(0, 19);
  return { shown: html`<time datetime="${text}Z">${text.replace('T', ' ')}</time>`, sort: time };
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

export function bytes(count: number): Cell {
  const power = count < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(count) / 3));
  const value = count / 1000 ** power;
  return { shown: `${power === 0 ? value : value.toPrecision(3)} ${UNITS[power]}`, sort: count };
}
