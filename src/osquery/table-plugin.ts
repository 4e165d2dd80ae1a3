/** The registry `table`: how an extension's tables are registered, and what osquery asks of them. */
import { textOfBytes } from './byte-string.ts';
import type { ColumnType } from './columns.ts';
import { elements, members, parseJson } from './loose-json.ts';
import { OsqueryError } from './osquery-error.ts';
import type { Row } from './row.ts';

export interface TableColumn {
  readonly name: string;
  readonly type: Exclude<ColumnType, 'UNKNOWN'>;
}

export interface TableDefinition {
  readonly name: string;
  readonly columns: readonly TableColumn[];
}

/** SQLite's operators of a constraint. */
const OPERATORS: Readonly<Record<number, ConstraintOperator>> = {
  2: '=',
  4: '>',
  8: '<=',
  16: '<',
  32: '>=',
  64: 'MATCH',
  65: 'LIKE',
  66: 'GLOB',
  67: 'REGEXP',
  68: '!=',
};

export type ConstraintOperator =
  | '='
  | '>'
  | '<='
  | '<'
  | '>='
  | 'MATCH'
  | 'LIKE'
  | 'GLOB'
  | 'REGEXP'
  | '!='
  | 'other';

/** What the statement asks of a column; `IN` comes as one call with `=` for each of its values. */
export interface Constraint {
  readonly column: string;
  readonly operator: ConstraintOperator;
  readonly value: string;
}

/** What osquery asks of a table. */
export type TableCall =
  /** Its columns, to be answered with {@link tableRoutes}: asked when a query needs a database of its own. */
  { readonly action: 'columns' } | ({ readonly action: 'generate' } & TableContext);

export interface TableContext {
  readonly constraints: readonly Constraint[];
  /** The columns that the statement reads; undefined where osquery doesn't say: all. */
  readonly columnsUsed: readonly string[] | undefined;
}

/** A table's routes in the registration, and the answer to `columns`; osquery refuses a table without any. */
export function tableRoutes(table: TableDefinition): readonly Row[] {
  return table.columns.map(({ name, type }) => ({ id: 'column', name, type, op: '0' }));
}

/**
 * SQLite checks the constraints of a `generate` call once more: rows may be more than asked for. Throws
 * {@link OsqueryError} `protocol` for another action or a context that is no JSON.
 */
export function readTableCall(request: ReadonlyMap<string, string>): TableCall {
  const action = request.get('action');
  if (action === 'columns') return { action };
  if (action !== 'generate') {
    throw new OsqueryError('protocol', `unknown table plugin action ${JSON.stringify(action ?? '')}`);
  }
  const context = members(
    parseJson(textOfBytes(request.get('context') ?? '{}'), 'the context of a table call'),
  );
  const columnsUsed = context.get('colsUsed');
  return {
    action,
    constraints: elements(context.get('constraints')).flatMap(columnConstraints),
    columnsUsed: Array.isArray(columnsUsed) ? columnsUsed.map(String) : undefined,
  };
}

function columnConstraints(value: unknown): Constraint[] {
  const column = members(value);
  return elements(column.get('list')).map((each) => {
    const constraint = members(each);
    return {
      column: String(column.get('name') ?? ''),
      operator: OPERATORS[Number(constraint.get('op'))] ?? 'other',
      value: String(constraint.get('expr') ?? ''),
    };
  });
}
