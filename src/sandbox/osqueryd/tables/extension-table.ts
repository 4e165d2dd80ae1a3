import { SqlError } from '../sql/engine.ts';
import type { ColumnType, Table, TableColumn, TableRequest } from '../sql/table.ts';
import type { ExtensionResponse, StringMap } from '../thrift/messages.ts';

/** Column options of osquery's tables that matter here. */
const OPTION_HIDDEN = 16;

/**
 * A table that an extension registered: its columns from the routes it registered with, its rows by a call
 * of `generate` (osquery.md 10).
 */
export function extensionTable(
  name: string,
  routes: readonly StringMap[],
  call: (item: string, request: StringMap) => Promise<ExtensionResponse>,
): Table {
  const columns = routes.flatMap((route): TableColumn[] => {
    if (route['id'] === 'column') {
      const hidden = (Number(route['op'] ?? 0) & OPTION_HIDDEN) !== 0;
      return [
        {
          name: route['name'] ?? '',
          type: (route['type'] ?? 'TEXT') as ColumnType,
          ...(hidden ? { hidden } : {}),
        },
      ];
    }
    if (route['id'] === 'columnAlias') {
      return [{ name: route['name'] ?? '', type: 'UNKNOWN', hidden: true, alias: route['target'] ?? '' }];
    }
    return [];
  });
  return {
    name,
    columns,
    generate: async (request) => {
      const { status, response } = await call(name, {
        action: 'generate',
        context: contextJson(columns, request),
      });
      if (status.code !== 0) throw new SqlError(status.message);
      return response;
    },
  };
}

/** The query context as osqueryd writes it: every column with its conditions, those used from last to first. */
function contextJson(columns: readonly TableColumn[], request: TableRequest): string {
  const constraints = columns.map((column) => ({
    name: column.name,
    list: (request.constraints.get(column.name) ?? []).map(({ op, expr }) => ({ op, expr })),
    affinity: column.type,
  }));
  const used = columns.filter((column) => request.used.has(column.name));
  const bits = columns.reduce((sum, column, at) => (request.used.has(column.name) ? sum + 2 ** at : sum), 0);
  return JSON.stringify({
    constraints,
    colsUsed: used.map((column) => column.name).reverse(),
    colsUsedBitset: bits,
  });
}
