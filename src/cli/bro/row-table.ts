import { stripVTControlCharacters } from 'node:util';
import type { Data } from '../../broker/data.ts';
import { printable } from '../../replay/printable.ts';
import type { ColumnNames } from '../../zeek-client/column-names.ts';
import type { ReceivedRow } from '../../zeek-client/model.ts';
import type { Meaning, Painter } from '../colour.ts';
import { valueJson } from './row-line.ts';

/** What stands before a row: what came, what went, what is there. */
const SIGNS = { ADDED: '+', REMOVED: '-', SNAPSHOT: '=' } as const;
const MEANINGS: Readonly<Record<keyof typeof SIGNS, Meaning | undefined>> = {
  ADDED: 'good',
  REMOVED: 'bad',
  SNAPSHOT: undefined,
};
/** Characters that a column takes at the most, while another follows. */
const WIDEST = 40;

/** Rows as a person reads them on a terminal, while they come: columns grow with what they have held. */
export class RowTable {
  readonly #columns: () => number;
  readonly #paint: Painter;
  /** The widths of each query's columns, the host's first. */
  readonly #widths = new Map<string, number[]>();
  #last: string | undefined;

  /** @param columns how many characters the terminal has in a line */
  constructor(columns: () => number, paint: Painter) {
    this.#columns = columns;
    this.#paint = paint;
  }

  /** The lines to print for a row: a heading first where the query or its columns are others than those of the row before. */
  take(row: ReceivedRow, names: ColumnNames | undefined): string[] {
    const fitting = names?.length === row.values.length ? names : [];
    const head = [
      'host',
      ...row.values.map((_value, index) => printable(fitting[index] ?? `(${index + 1})`)),
    ];
    // Hosts may have other columns for one query.
    const key = [row.query?.sql ?? row.event, ...head].join(' ');
    const cells = [printable(row.host), ...row.values.map(cell)];
    const widths = this.#widths.get(key) ?? head.map((name) => name.length);
    for (const [index, text] of cells.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, Math.min(WIDEST, text.length));
    }
    this.#widths.set(key, widths);
    const lines: string[] = [];
    if (key !== this.#last) {
      if (this.#last !== undefined) lines.push('');
      lines.push(this.#paint('heading', this.#fit(`  ${line(head, widths)}`)));
      this.#last = key;
    }
    const text = this.#fit(`${SIGNS[row.change]} ${line(cells, widths)}`);
    const meaning = MEANINGS[row.change];
    lines.push(meaning ? this.#paint(meaning, text) : text);
    return lines;
  }

  #fit(text: string): string {
    const most = Math.max(20, this.#columns());
    return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
  }
}

function line(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((text, index) => {
      const width = widths[index] ?? 0;
      if (index === cells.length - 1) return text;
      return text.length <= width ? text.padEnd(width) : `${text.slice(0, width - 1)}…`;
    })
    .join('  ')
    .trimEnd();
}

/** A text as it is, all else as in JSON. */
function cell(data: Data): string {
  if (data.type === 'string') return printable(data.value);
  if (data.type === 'none') return '-';
  const json = valueJson(data);
  return stripVTControlCharacters(printable(/^"[^"\\]*"$/.test(json) ? json.slice(1, -1) : json));
}
