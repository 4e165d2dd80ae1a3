import type { Item } from '../console/model.ts';
import { parseRow } from '../console/row.ts';

/** The tables that an osquery has, with their columns: those of its extensions too, and of its own version. */
export const SCHEMA_SQL = `SELECT r.name AS name, group_concat(c.name, ' ') AS columns
FROM osquery_registry r, pragma_table_info(r.name) c
WHERE r.registry = 'table' AND r.active = 1
GROUP BY r.name`;

/** The rows of {@link SCHEMA_SQL}: columns by table. */
export function schemaOf(items: readonly Item[]): Readonly<Record<string, readonly string[]>> {
  const tables = items
    .filter(({ kind }) => kind === 'row')
    .flatMap(({ text }): [string, string[]][] => {
      const row = new Map(parseRow(text));
      const [name, columns] = [row.get('name'), row.get('columns')];
      return typeof name === 'string' && typeof columns === 'string' ? [[name, columns.split(' ')]] : [];
    });
  return Object.fromEntries(tables);
}
