import type { Meaning, Painter } from './colour.ts';

/** Characters that a column takes at the most, while another follows. */
const WIDEST = 40;

/** A row for a table that is printed while rows come. */
export interface GrowingRow {
  /** Rows of one kind have one heading. */
  readonly kind: string;
  readonly head: readonly string[];
  /** Text that may be printed as it is. */
  readonly cells: readonly string[];
  /** A character before the row, or none. */
  readonly sign: string;
  readonly meaning?: Meaning | undefined;
}

/** Rows as a person reads them on a terminal, while they come: columns grow with what they have held. */
export class GrowingTable {
  readonly #columns: () => number;
  readonly #paint: Painter;
  readonly #widths = new Map<string, number[]>();
  #last: string | undefined;

  /** @param columns how many characters the terminal has in a line */
  constructor(columns: () => number, paint: Painter) {
    this.#columns = columns;
    this.#paint = paint;
  }

  /** The lines to print for a row: a heading first where its kind is another than that of the row before. */
  take({ kind, head, cells, sign, meaning }: GrowingRow): string[] {
    const indent = sign === '' ? '' : '  ';
    const widths = this.#widths.get(kind) ?? head.map((name) => name.length);
    for (const [index, text] of cells.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, Math.min(WIDEST, text.length));
    }
    this.#widths.set(kind, widths);
    const lines: string[] = [];
    if (kind !== this.#last) {
      if (this.#last !== undefined) lines.push('');
      lines.push(this.#paint('heading', this.#fit(`${indent}${line(head, widths)}`)));
      this.#last = kind;
    }
    const text = this.#fit(`${sign === '' ? '' : `${sign} `}${line(cells, widths)}`);
    lines.push(meaning ? this.#paint(meaning, text) : text);
    return lines;
  }

  /** All lines of a table that is there as a whole. */
  whole(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
    const widths = head.map((name) => name.length);
    for (const cells of rows) {
      for (const [index, text] of cells.entries()) {
        widths[index] = Math.max(widths[index] ?? 0, Math.min(WIDEST, text.length));
      }
    }
    return [
      this.#paint('heading', this.#fit(line(head, widths))),
      ...rows.map((cells) => this.#fit(line(cells, widths))),
    ];
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
