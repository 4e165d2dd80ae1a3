import { constants } from 'node:sqlite';

/** Actions that osquery lets statements do; everything else is "not authorized". */
const ALLOWED: ReadonlySet<number> = new Set([
  constants.SQLITE_READ,
  constants.SQLITE_SELECT,
  constants.SQLITE_INSERT,
  constants.SQLITE_UPDATE,
  constants.SQLITE_DELETE,
  constants.SQLITE_CREATE_VTABLE,
  constants.SQLITE_DROP_VTABLE,
  constants.SQLITE_CREATE_VIEW,
  constants.SQLITE_DROP_VIEW,
  constants.SQLITE_CREATE_TABLE,
  constants.SQLITE_DROP_TABLE,
  constants.SQLITE_CREATE_TEMP_TABLE,
  constants.SQLITE_DROP_TEMP_TABLE,
  constants.SQLITE_CREATE_TEMP_VIEW,
  constants.SQLITE_DROP_TEMP_VIEW,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_RECURSIVE,
  constants.SQLITE_TRANSACTION,
]);

const ALLOWED_PRAGMAS: ReadonlySet<string> = new Set([
  'table_info',
  'table_xinfo',
  'function_list',
  'journal_mode',
  'case_sensitive_like',
  'collation_list',
]);

const MODIFYING: ReadonlySet<number> = new Set([
  constants.SQLITE_INSERT,
  constants.SQLITE_UPDATE,
  constants.SQLITE_DELETE,
]);

/** What SQLite says of a statement while it compiles it. */
export class StatementInspector {
  /** Columns read by table, as SQLite resolved them through views and subqueries. */
  readonly reads = new Map<string, Set<string>>();
  /** A table of ours that the statement wants to change, which a virtual table refuses. */
  modified: string | undefined;
  readonly #isVirtual: (table: string) => boolean;

  constructor(isVirtual: (table: string) => boolean) {
    this.#isVirtual = isVirtual;
  }

  authorize(action: number, first: string | null, second: string | null): number {
    if (action === constants.SQLITE_READ && first !== null) this.#read(first, second ?? '');
    if (MODIFYING.has(action) && first !== null && this.#isVirtual(first)) {
      this.modified = first;
      return constants.SQLITE_DENY;
    }
    if (action === constants.SQLITE_PRAGMA && first !== null && ALLOWED_PRAGMAS.has(first.toLowerCase())) {
      return constants.SQLITE_OK;
    }
    return ALLOWED.has(action) ? constants.SQLITE_OK : constants.SQLITE_DENY;
  }

  #read(table: string, column: string): void {
    const columns = this.reads.get(table) ?? new Set<string>();
    if (column !== '') columns.add(column);
    this.reads.set(table, columns);
  }
}
