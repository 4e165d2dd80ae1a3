import { DatabaseSync } from 'node:sqlite';
import type { Platform } from '../../generate/model.ts';
import osqueryTables from '../../generate/osquery-tables.json' with { type: 'json' };
import type { Describe } from '../../generate/type-source.ts';
import type { Column } from '../../osquery/columns.ts';
import { declaredType, expressionTypes } from '../../sandbox/osqueryd/sql/column-types.ts';
import { explain } from '../../sandbox/osqueryd/sql/program.ts';
import { reasonOf } from '../../text/reason.ts';
import { isWord, sqlTokens } from '../../text/sql-tokens.ts';

/** Functions that osquery adds to SQLite's own, and those of mathematics, which this SQLite may lack. */
const FUNCTIONS =
  `carve community_id_v1 community_id_v1_strict concat concat_ws conditional_to_base64 find_file_path_in_cmd from_base64
  in_cidr_block inet_aton is_path_deterministic md5 parent_directory regex_match regex_split sha1 sha256 sleep split
  to_base64 version_compare sqrt log ln log10 exp power pow sin cos tan cot asin acos atan degrees radians pi ceil floor
  ceiling`.split(/\s+/);

interface SchemaColumn {
  readonly name: string;
  readonly type: string;
  readonly hidden: boolean;
}

/** The columns of osquery's own tables on one platform, without an osqueryd: SQLite compiles the statement over empty ones. */
export function schemaDescribe(platform: Platform): Describe {
  const plain = openDatabase();
  /** With the columns that `SELECT *` doesn't show: hidden ones, and those of other platforms. */
  const wide = openDatabase();
  const hidden = new Set<string>();
  for (const [table, [platforms = '', columns = '']] of Object.entries(osqueryTables.tables)) {
    if (!platforms.split(' ').includes(platform)) continue;
    const declared = columns.split(', ').map((text) => columnOf(text, platform));
    create(
      plain,
      table,
      declared.filter((column) => !column.hidden),
    );
    create(wide, table, declared);
    for (const column of declared) if (column.hidden) hidden.add(`${table}.${column.name}`);
  }
  return async (sql) => {
    try {
      return describe(plain, sql, new Set());
    } catch (error) {
      if (!/^no such column: /.test(reasonOf(error))) throw error;
      try {
        return describe(wide, sql, hidden);
      } catch {
        throw error;
      }
    }
  };
}

/** `name TYPE [hidden] [platform+platform]` */
function columnOf(text: string, platform: Platform): SchemaColumn {
  const [name = '', type = '', ...marks] = text.split(' ');
  const only = marks.find((mark) => mark !== 'hidden')?.split('+');
  return {
    name,
    type: type.replace('_', ' '),
    hidden: marks.includes('hidden') || (only !== undefined && !only.includes(platform)),
  };
}

function create(db: DatabaseSync, table: string, columns: readonly SchemaColumn[]): void {
  db.exec(`CREATE TABLE "${table}" (${columns.map(({ name, type }) => `"${name}" ${type}`).join(', ')})`);
}

function describe(db: DatabaseSync, sql: string, hidden: ReadonlySet<string>): readonly Column[] {
  const statement = db.prepare(sql);
  if (statement.sourceSQL.trim() !== sql.trim()) throw new Error('map::at');
  const columns = statement.columns();
  if (columns.length === 0) return [];
  const types = expressionTypes(explain(db, sql));
  const named = new Set(
    (sqlTokens(sql) ?? []).filter((token) => !isWord(token, 'select')).map(({ text }) => text.toLowerCase()),
  );
  const origin = (at: number) => `${columns[at]?.table}.${columns[at]?.column}`;
  return columns.flatMap(({ name, type, column }, at): Column[] => {
    // A hidden column that nobody names, or that is named further on, has come by a `*`.
    const isHidden = hidden.has(origin(at));
    const comesAgain = columns.some((_other, later) => later > at && origin(later) === origin(at));
    if (isHidden && (comesAgain || !named.has(String(column).toLowerCase()))) return [];
    return [{ name, type: declaredType(type) ?? types.get(at) ?? 'UNKNOWN' }];
  });
}

function openDatabase(): DatabaseSync {
  const db = new DatabaseSync(':memory:', { enableDoubleQuotedStringLiterals: true });
  for (const name of FUNCTIONS) db.function(name, { varargs: true }, () => null);
  return db;
}
