import { type Command, Option } from 'commander';
import { csvLine } from '../../console/csv.ts';
import type { RowValue } from '../../console/row.ts';
import { printable, printableJson } from '../../replay/printable.ts';
import { painterFor } from '../colour.ts';
import { GrowingTable } from '../growing-table.ts';
import { type Io, printLine } from '../io.ts';

/** How a list is printed. */
export interface ListOptions {
  readonly format: 'auto' | 'table' | 'json' | 'csv' | 'ndjson';
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly ndjson?: boolean;
}

export function addListOptions(command: Command): Command {
  return command
    .optionsGroup('Output:')
    .addOption(
      new Option('--format <form>', 'auto: a table on a terminal, else ndjson')
        .choices(['auto', 'table', 'json', 'csv', 'ndjson'])
        .default('auto'),
    )
    .option('--json', 'one JSON array')
    .option('--csv', 'CSV')
    .option('--ndjson', 'a JSON object a line');
}

/** A list: what programs get of each entry, and what people see. */
export interface List<T extends object> {
  readonly entries: readonly T[];
  readonly head: readonly string[];
  readonly cells: (entry: T) => readonly string[];
}

export async function printList<T extends object>(
  io: Io,
  options: ListOptions,
  list: List<T>,
): Promise<void> {
  for (const line of linesOf(io, formOf(io, options), list)) await printLine(io.out, line);
}

export function formOf(
  io: Io,
  { format, json, csv, ndjson }: ListOptions,
): Exclude<ListOptions['format'], 'auto'> {
  if (json) return 'json';
  if (csv) return 'csv';
  if (ndjson) return 'ndjson';
  if (format !== 'auto') return format;
  return io.out.isTTY === true ? 'table' : 'ndjson';
}

function linesOf<T extends object>(
  io: Io,
  form: Exclude<ListOptions['format'], 'auto'>,
  { entries, head, cells }: List<T>,
): readonly string[] {
  switch (form) {
    case 'table':
      return tableOf(io, head, entries.map(cells));
    case 'json':
      return [printableJson(JSON.stringify(entries))];
    case 'ndjson':
      return entries.map((entry) => printableJson(JSON.stringify(entry)));
    case 'csv': {
      const names = Object.keys(entries[0] ?? {});
      return [
        csvLine(names),
        ...entries.map((entry) => csvLine(Object.values(entry as Record<string, unknown>).map(csvValue))),
      ];
    }
    default:
      return form satisfies never;
  }
}

/** A table for people, whatever is in its cells. */
export function tableOf(
  io: Io,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const table = new GrowingTable(() => io.out.columns ?? 100, painterFor(io.out, io.env));
  return table.whole(
    head,
    rows.map((cells) => cells.map(printable)),
  );
}

function csvValue(value: unknown): RowValue {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  return Array.isArray(value) ? value.join(' ') : String(value);
}
