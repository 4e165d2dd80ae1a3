/** What columns a table of osquery has, its hidden ones too, which `SELECT *` doesn't show. */
import { type ColumnType, columnType } from './columns.ts';
import type { ManagerClient } from './manager-client.ts';
import { OsqueryError } from './osquery-error.ts';
import type { Row } from './row.ts';

/** A column of a table as osquery declares it. */
export interface DeclaredColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly hidden: boolean;
}

/** Bit of a column's options by which osquery marks it as hidden. */
const HIDDEN = 16;

/** The columns in an answer to a table's `columns`; names that are aliases count as hidden columns. */
export function parseTableColumns(response: readonly Row[]): DeclaredColumn[] {
  return response.flatMap((row): DeclaredColumn[] => {
    const { id, name = '', type = '', op = '0' } = row;
    if (id === 'column') return [{ name, type: columnType(type), hidden: (Number(op) & HIDDEN) !== 0 }];
    return id === 'columnAlias' ? [{ name, type: 'UNKNOWN', hidden: true }] : [];
  });
}

/**
 * Asks osquery for a table's columns; a view of its configuration has what `SELECT *` shows. Undefined for a
 * table that osquery has not. Throws OsqueryError where osquery can't be asked.
 */
export async function lookUpTable(
  client: Pick<ManagerClient, 'call' | 'getQueryColumns'>,
  table: string,
): Promise<readonly DeclaredColumn[] | undefined> {
  const { status, response } = await client.call('table', table, { action: 'columns' });
  if (status.code === 0) return parseTableColumns(response);
  try {
    const columns = await client.getQueryColumns(`SELECT * FROM "${table.replaceAll('"', '""')}"`);
    return columns.map(({ name, type }) => ({ name, type, hidden: false }));
  } catch (error) {
    if (error instanceof OsqueryError && error.kind === 'refused') return undefined;
    throw error;
  }
}
