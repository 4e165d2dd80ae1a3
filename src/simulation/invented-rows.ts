import type { Column, ResultRow, RowChange, UpdateType } from '../vocabulary/model.ts';
import { selectListNames } from '../zeek-client/select-list.ts';

/**
 * Columns that osquery types as a number, by the last part of their name: those of the tables that this project's Zeek
 * package, zeek-osquery and zeek-agent ask for. All others are text. An event whose argument has the wrong type is
 * dropped by Zeek, so rows of a query with other numbers are invented in vain.
 */
const NUMBERS: ReadonlySet<string> = new Set(
  [
    'pid ppid parent uid gid euid egid suid sgid fd family protocol port local_port remote_port start_time time',
    'uptime size mtime atime ctime inode threads nice blocks blocks_free blocks_available mtu ibytes obytes',
    'ipackets opackets memory physical_memory cpu_physical_cores cpu_logical_cores total_size resident_size',
    'at number answer every executions output_size denylisted wall_time_ms cpu_ms in_local_port in_remote_port',
    'ca self_signed encrypted privileged removable created severity',
  ]
    .join(' ')
    .split(' '),
);

/** The columns of a query's result as far as its text tells; one text column where it does not. */
export function columnsOf(sql: string): readonly Column[] {
  const names = selectListNames(sql) ?? ['value'];
  return names.map((name, index) => {
    const known = (name ?? `column_${index + 1}`).split('.').at(-1) ?? '';
    return { name: known, type: NUMBERS.has(known) ? 'BIGINT' : 'TEXT' };
  });
}

/**
 * The row with this number of this host. The same numbers always give the same row, so that a row that is sent again
 * needn't be kept. Values are as long as those of processes and sockets are, some 100 to 200 bytes a row.
 */
export function inventedRow(
  columns: readonly Column[],
  updateType: UpdateType,
  number: number,
  unixTime: number,
): ResultRow {
  const values: Record<string, string> = {};
  for (const [index, { name, type }] of columns.entries()) {
    values[name] = type === 'TEXT' ? inventedText(name, number * 7 + index) : String(number % 65_536);
  }
  return {
    change: changeOf(updateType, number),
    initial: false,
    unixTime,
    columns: values,
    sequence: number,
  };
}

function inventedText(name: string, number: number): string {
  // Ends of sockets. An interface's address would make each row news of its host.
  if (name.endsWith('_address')) return `10.${(number >> 8) % 256}.${number % 256}.7`;
  return `/usr/lib/invented/${name}-${number % 1000}`;
}

function changeOf(updateType: UpdateType, number: number): RowChange {
  if (updateType === 'BOTH') return number % 2 === 0 ? 'ADDED' : 'REMOVED';
  return updateType;
}
