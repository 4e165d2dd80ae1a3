import { OsqueryError } from '../osquery/osquery-error.ts';
import {
  createTableAccessReader,
  type StatementAccess,
  type TableLookup,
} from '../osquery/table-access-store.ts';
import type { RowSource, Translation } from '../schedule/translation.ts';
import type { Column, Dialect, ZeekType } from '../vocabulary/model.ts';
import { fileListBody, type HostFacts, tableBodies } from './bodies.ts';
import { parseFields } from './fields.ts';
import { globProblem } from './glob.ts';
import {
  type Definition,
  missingParameter,
  parseStatement,
  type Statement,
  StatementError,
  type TableCall,
  withDefinitions,
} from './statement.ts';
import { type TableColumn, ZEEK_AGENT_TABLES, ZEEK_LOGGER, zeekAgentTable } from './tables.ts';

/** A statement as it can run here. */
export interface Translated {
  /** Absent where the statement names none of Zeek Agent's tables: osquery runs it as it is. */
  readonly translation?: Translation;
  /** What is known of the result's columns beside what osquery says, in their order. */
  readonly columns: readonly Pick<Column, 'zeek' | 'emptyIsUnset'>[];
}

/** A table that the statement may read, under its name there. */
interface Available {
  readonly name: string;
  readonly columns: readonly TableColumn[];
  /** What it is made of: a SELECT over osquery's tables, or rows of this process. */
  readonly made: { readonly body: string } | { readonly source: RowSource };
}

/** Both have tables of that name, with other columns. */
const SHARED_NAMES: readonly string[] = ['processes', 'users'];

/** The name of a table while the statement is looked at, by which its columns are known again. */
const probe = (name: string) => `zeek_agent_column_of_${name}`;

/**
 * Finds what a statement in Zeek Agent's words is over osquery's tables. One that Zeek Agent would refuse for the columns
 * of a table whose name osquery has too may still be meant for osquery's. Throws {@link StatementError} for what can't be
 * had, {@link OsqueryError} `refused` with SQLite's words for what no one could run.
 * @param lookUp what columns osquery's tables have
 */
export async function translate(
  sql: string,
  dialect: Exclude<Dialect, 'osquery'>,
  facts: HostFacts,
  lookUp: TableLookup,
): Promise<Translated> {
  const statement = parseStatement(sql, dialect === 'zeek-agent-2');
  const available = dialect === 'zeek-agent-2' ? availableTables(statement, facts) : LOGGER;
  try {
    return await attempt(statement, available, lookUp);
  } catch (error) {
    if (!(error instanceof OsqueryError) || error.kind !== 'refused') throw error;
    try {
      return await attempt(
        statement,
        available.filter(({ name }) => !SHARED_NAMES.includes(name)),
        lookUp,
      );
    } catch {
      throw explained(error);
    }
  }
}

/** What Zeek Agent 1 had besides osquery's tables. */
const LOGGER: readonly Available[] = [
  { ...ZEEK_LOGGER, made: { source: { kind: 'agent-log', name: ZEEK_LOGGER.name } } },
];

function explained(error: OsqueryError): Error {
  const table = zeekAgentTable(/^no such table: (\w+)$/.exec(error.message)?.[1] ?? '');
  const [parameter] = table?.parameters ?? [];
  return table && parameter ? missingParameter(table.name, parameter.name) : error;
}

function availableTables(statement: Statement, facts: HostFacts): readonly Available[] {
  const bodies = tableBodies(facts);
  const plain = ZEEK_AGENT_TABLES.flatMap(({ name, columns }): Available[] => {
    const body = bodies.get(name);
    if (body !== undefined) return [{ name, columns, made: { body } }];
    const source = ownSource(name, facts);
    return source ? [{ name, columns, made: { source } }] : [];
  });
  return [
    ...plain.filter(({ name }) => !statement.ownTables.has(name)),
    ...statement.calls.map((call) => calledTable(call, facts)),
  ];
}

function ownSource(name: string, facts: HostFacts): RowSource | undefined {
  if (name === 'zeek_agent') return { kind: 'agent', name };
  return name === 'system_logs_events' && facts.hasSystemLog ? { kind: 'system-log', name } : undefined;
}

function calledTable({ name, table, values }: TableCall, facts: HostFacts): Available {
  const [pattern = '', spec = '', separator = '', ignore = ''] = values;
  const problem = globProblem(pattern);
  if (problem) throw new StatementError(`${table.name}: ${problem}`);
  if (table.name === 'files_list') {
    if (!facts.tables.has('file'))
      throw new StatementError('no such table: files_list (osquery has no file)');
    return { name, columns: table.columns, made: { body: fileListBody(pattern) } };
  }
  if (table.name === 'files_lines') {
    return { name, columns: table.columns, made: { source: { kind: 'lines', name, pattern } } };
  }
  const fields = parseFields(spec);
  const record: ZeekType = { record: fields.map(({ type }) => type) };
  const columns = table.columns.map((column) =>
    column.name === 'columns' ? { ...column, type: record } : column,
  );
  const numbers = fields.map(({ number }) => number);
  const source: RowSource = { kind: 'fields', name, pattern, fields: numbers, separator, ignore };
  return { name, columns, made: { source } };
}

async function attempt(
  statement: Statement,
  available: readonly Available[],
  lookUp: TableLookup,
): Promise<Translated> {
  const access = await look(statement, available, lookUp);
  const used = available.filter(({ name }) => access.tables.some(({ table }) => table === probe(name)));
  const columns = access.result.map(({ origin }) => typeOf(origin, available));
  if (used.length === 0) return { columns };
  // In a join each row may ask for its partner: osquery gives all there are where it is asked for NULL, and it takes as
  // long to collect them each time.
  const isKept = access.tables.length > 1;
  const definitions = used.flatMap(({ name, made }): Definition[] =>
    'body' in made ? [{ name, body: made.body, isKept }] : [],
  );
  const sources = used.flatMap(({ made }) => ('source' in made ? [made.source] : []));
  return { translation: { sql: withDefinitions(statement.sql, definitions), sources }, columns };
}

/** What the statement reads, each of the tables being one of a name that nothing else has. */
function look(
  statement: Statement,
  available: readonly Available[],
  lookUp: TableLookup,
): Promise<StatementAccess> {
  const probes = new Map(available.map(({ name, columns }) => [probe(name), columns]));
  const reader = createTableAccessReader(async (table) => {
    const columns = probes.get(table);
    return columns ? columns.map(({ name }) => ({ name, type: 'UNKNOWN', hidden: false })) : lookUp(table);
  });
  const definitions = available.map(({ name }) => ({ name, body: `SELECT * FROM temp.${probe(name)}` }));
  return reader.read(withDefinitions(statement.sql, definitions));
}

function typeOf(
  origin: StatementAccess['result'][number]['origin'],
  available: readonly Available[],
): Translated['columns'][number] {
  const table = available.find(({ name }) => probe(name) === origin?.table);
  const column = table?.columns.find(({ name }) => name === origin?.column);
  if (!column) return {};
  return { zeek: column.type, ...(column.emptyIsUnset && { emptyIsUnset: true }) };
}
