import type { Cell, TypedRow } from './sql/cell.ts';
import { compareBytes } from './thrift/binary-writer.ts';

/** What changed between two results, each a bag of rows. */
export interface Difference {
  readonly added: readonly TypedRow[];
  readonly removed: readonly TypedRow[];
}

/**
 * The difference as osqueryd makes it: each row of the new result takes one equal row of the old away; what
 * finds none is added, in the order of the result, and what is left over is removed, in sorted order.
 */
export function difference(previous: readonly TypedRow[], current: readonly TypedRow[]): Difference {
  const left = new Map<string, { row: TypedRow; count: number }>();
  for (const row of previous) {
    const key = rowKey(row);
    const entry = left.get(key);
    if (entry) entry.count += 1;
    else left.set(key, { row, count: 1 });
  }
  const added: TypedRow[] = [];
  for (const row of current) {
    const entry = left.get(rowKey(row));
    if (entry && entry.count > 0) entry.count -= 1;
    else added.push(row);
  }
  const removed = [...left.values()].flatMap(({ row, count }) => Array<TypedRow>(count).fill(row));
  return { added, removed: removed.sort(compareRows) };
}

/** A row as one text that no other row has. */
export function rowKey(row: TypedRow): string {
  return JSON.stringify(row.map(([name, cell]) => [name, storedCell(cell)]));
}

/** A cell as text that keeps its type: `i` an integer, `d` a double, `s` text. */
export function storedCell(cell: Cell): string {
  if (typeof cell === 'bigint') return `i${cell}`;
  return typeof cell === 'number' ? `d${Object.is(cell, -0) ? '-0' : cell}` : `s${cell}`;
}

export function restoredCell(text: string): Cell {
  const value = text.slice(1);
  if (text[0] === 'i') return BigInt(value);
  return text[0] === 'd' ? Number(value) : value;
}

/** The order of std::map of rows: by name and value of each column in turn. */
function compareRows(a: TypedRow, b: TypedRow): number {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const [nameA = '', cellA = ''] = a[at] ?? [];
    const [nameB = '', cellB = ''] = b[at] ?? [];
    const order = compareBytes(nameA, nameB) || compareCells(cellA, cellB);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareCells(a: Cell, b: Cell): number {
  const kind = cellKind(a) - cellKind(b);
  if (kind !== 0) return kind;
  if (typeof a === 'string' && typeof b === 'string') return compareBytes(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

function cellKind(cell: Cell): number {
  return typeof cell === 'bigint' ? 0 : typeof cell === 'number' ? 1 : 2;
}
