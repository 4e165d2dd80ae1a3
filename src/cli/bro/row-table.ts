import { stripVTControlCharacters } from 'node:util';
import type { Data } from '../../broker/data.ts';
import { printable } from '../../replay/printable.ts';
import type { ColumnNames } from '../../zeek-client/column-names.ts';
import type { ReceivedRow } from '../../zeek-client/model.ts';
import type { Meaning, Painter } from '../colour.ts';
import { GrowingTable } from '../growing-table.ts';
import { valueJson } from './row-line.ts';

/** What stands before a row: what came, what went, what is there. */
const SIGNS = { ADDED: '+', REMOVED: '-', SNAPSHOT: '=' } as const;
const MEANINGS: Readonly<Record<keyof typeof SIGNS, Meaning | undefined>> = {
  ADDED: 'good',
  REMOVED: 'bad',
  SNAPSHOT: undefined,
};

/** Rows as a person reads them on a terminal, while they come. */
export class RowTable {
  readonly #table: GrowingTable;

  /** @param columns how many characters the terminal has in a line */
  constructor(columns: () => number, paint: Painter) {
    this.#table = new GrowingTable(columns, paint);
  }

  /** The lines to print for a row: a heading first where the query or its columns are others than those of the row before. */
  take(row: ReceivedRow, names: ColumnNames | undefined): string[] {
    const fitting = names?.length === row.values.length ? names : [];
    const head = [
      'host',
      ...row.values.map((_value, index) => printable(fitting[index] ?? `(${index + 1})`)),
    ];
    return this.#table.take({
      // Hosts may have other columns for one query.
      kind: [row.query?.sql ?? row.event, ...head].join(' '),
      head,
      cells: [printable(row.host), ...row.values.map(cell)],
      sign: SIGNS[row.change],
      meaning: MEANINGS[row.change],
    });
  }
}

/** A text as it is, all else as in JSON. */
function cell(data: Data): string {
  if (data.type === 'string') return printable(data.value);
  if (data.type === 'none') return '-';
  const json = valueJson(data);
  return stripVTControlCharacters(printable(/^"[^"\\]*"$/.test(json) ? json.slice(1, -1) : json));
}
