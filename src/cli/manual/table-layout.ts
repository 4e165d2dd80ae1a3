import { stripVTControlCharacters } from 'node:util';

/** A table of the manual, each cell a text without line breaks that may hold colours. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const GAP = 2;
/** Columns: a narrower cell is not worth reading. */
const NARROWEST = 24;
/** The same, where labels stand to the left of it. */
const NARROWEST_BESIDE_LABEL = 10;

/** Columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/** Lines of at most `width` columns, broken at blanks; a word that is longer has a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/ +/).filter((one) => one !== '')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

/** Beside one another where the width allows it, with the widest column wrapped; else each row as a block of its own. */
export function layOutTable(table: Table, width: number): string[] {
  const natural = table.head.map((head, column) =>
    Math.max(widthOf(head), ...table.rows.map((row) => widthOf(row[column] ?? ''))),
  );
  const widest = natural.indexOf(Math.max(...natural));
  const others = natural.reduce((sum, one, column) => sum + (column === widest ? 0 : one + GAP), 0);
  const left = width - others;
  const largest = natural[widest] ?? 0;
  if (left < Math.min(largest, NARROWEST)) return inBlocks(table, width);
  const widths = natural.map((one, column) => (column === widest ? Math.min(largest, left) : one));
  const rows = table.head.some((head) => widthOf(head) > 0) ? [table.head, ...table.rows] : table.rows;
  return rows.flatMap((row) => besideOneAnother(row, widths));
}

function besideOneAnother(row: readonly string[], widths: readonly number[]): string[] {
  const cells = widths.map((width, column) => wrap(row[column] ?? '', width));
  const height = Math.max(1, ...cells.map(({ length }) => length));
  return Array.from({ length: height }, (_, line) =>
    cells
      .map((cell, column) => {
        const text = cell[line] ?? '';
        return text + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(text) + GAP));
      })
      .join('')
      .trimEnd(),
  );
}

function inBlocks({ head, rows }: Table, width: number): string[] {
  const labels = head.map((label) => widthOf(label));
  const most = Math.max(...labels.slice(1));
  const isLabelled = head.length > 2 && most > 0;
  // Labels so long that hardly a word fits beside them stand above.
  const lead = isLabelled && width - 4 - most - GAP >= NARROWEST_BESIDE_LABEL ? most + GAP : 0;
  return rows.flatMap(([first = '', ...cells]) => [
    ...wrap(first, width),
    ...cells.flatMap((cell, index) => {
      if (cell === '') return [];
      const label = isLabelled ? (head[index + 1] ?? '') : '';
      if (isLabelled && lead === 0) {
        return [
          ...wrap(label, width - 4).map((line) => `    ${line}`),
          ...wrap(cell, width - 6).map((line) => `      ${line}`),
        ];
      }
      return wrap(cell, width - 4 - lead).map(
        (line, number) =>
          `    ${number === 0 ? label + ' '.repeat(lead - (lead > 0 ? widthOf(label) : 0)) : ' '.repeat(lead)}${line}`,
      );
    }),
  ]);
}
