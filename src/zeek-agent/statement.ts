/** Statements that read Zeek Agent's tables, taken apart and put together as text. */

import { isAlias, isName, isSign, isWord, type SqlToken, sqlTokens } from '../text/sql-tokens.ts';
import { type ZeekAgentTable, zeekAgentTable } from './tables.ts';

/** The statement asks for something that can't be had; the message says what, and continues no sentence. */
export class StatementError extends Error {
  override readonly name = 'StatementError';
}

/** A table that is read like a function. */
export interface TableCall {
  /** What stands for it in {@link Statement.sql}. */
  readonly name: string;
  readonly table: ZeekAgentTable;
  /** One for each parameter. */
  readonly values: readonly string[];
}

export interface Statement {
  /** With a name in place of each call. */
  readonly sql: string;
  readonly calls: readonly TableCall[];
  /** Names that the statement itself gives to common table expressions, in small letters. */
  readonly ownTables: ReadonlySet<string>;
}

/** A table that a statement is given before its own words. */
export interface Definition {
  readonly name: string;
  /** Absent where the body names them. */
  readonly columns?: readonly string[];
  readonly body: string;
  /** Read once and kept while the statement runs; otherwise its conditions reach into it where it is read once. */
  readonly isKept?: boolean;
}

/**
 * Takes a statement apart.
 * @param hasCalls whether there are tables that are read like functions
 * @throws StatementError
 */
export function parseStatement(sql: string, hasCalls = true): Statement {
  const tokens = sqlTokens(sql);
  if (!tokens) throw new StatementError('a text in quotes does not end');
  const calls: TableCall[] = [];
  let text = '';
  let at = 0;
  for (const [index, token] of tokens.entries()) {
    const table = hasCalls ? calledTable(tokens, index) : undefined;
    if (!table) continue;
    const { values, next } = callArguments(tokens, index + 2, table);
    const name = `zeek_agent_${calls.length + 1}`;
    calls.push({ name, table, values });
    const follows = tokens[next];
    const isNamed = isWord(follows, 'as') || isAlias(follows);
    text += `${sql.slice(at, token.start)}${name}${isNamed ? '' : ` AS ${table.name}`}`;
    at = tokens[next - 1]?.end ?? sql.length;
  }
  return { sql: text + sql.slice(at), calls, ownTables: ownTables(tokens) };
}

function calledTable(tokens: readonly SqlToken[], index: number): ZeekAgentTable | undefined {
  const token = tokens[index];
  if (!token || !isName(token)) return undefined;
  if (!isSign(tokens[index + 1], '(') || isSign(tokens[index - 1], '.')) return undefined;
  const table = zeekAgentTable(token.text);
  return table?.parameters && table;
}

/** `next`: the place of the first token after the call. */
function callArguments(
  tokens: readonly SqlToken[],
  first: number,
  table: ZeekAgentTable,
): { readonly values: readonly string[]; readonly next: number } {
  const given: string[] = [];
  let next = first;
  for (; !isSign(tokens[next], ')'); next += 1) {
    if (given.length > 0) {
      if (!isSign(tokens[next], ',')) throw notConstant(table, given.length - 1);
      next += 1;
    }
    const value = tokens[next];
    if (value?.kind !== 'string' && value?.kind !== 'quoted') throw notConstant(table, given.length);
    given.push(value.text);
  }
  const parameters = table.parameters ?? [];
  if (given.length > parameters.length) {
    throw new StatementError(
      `${table.name} takes ${parameters.length} parameters (${parameters.map(({ name }) => name).join(', ')}), not ${given.length}`,
    );
  }
  const values = parameters.map(({ name, fallback }, place) => {
    const value = given[place] ?? fallback;
    if (value === undefined) throw missingParameter(table.name, name);
    return value;
  });
  return { values, next: next + 1 };
}

/** osquery knows no such table; whoever names it as a plain one has left out what it needs. */
export function missingParameter(table: string, parameter: string): StatementError {
  return new StatementError(
    `mandatory table parameter '${parameter}' of ${table} is missing, as in ${table}('/etc/*'${table === 'files_columns' ? ", '$1:text'" : ''})`,
  );
}

function notConstant({ name, parameters = [] }: ZeekAgentTable, place: number): StatementError {
  const parameter = parameters[place]?.name ?? 'last one';
  return new StatementError(
    `${name} takes texts in quotes as its parameters here; its ${parameter} is something else, or not closed`,
  );
}

/** The names in `WITH a AS (…), b (x) AS (…) SELECT …`. */
function ownTables(tokens: readonly SqlToken[]): ReadonlySet<string> {
  const names = new Set<string>();
  if (!isWord(tokens[0], 'with')) return names;
  let depth = 0;
  let isNameDue = true;
  for (const token of tokens.slice(isWord(tokens[1], 'recursive') ? 2 : 1)) {
    if (isSign(token, '(')) depth += 1;
    else if (isSign(token, ')')) depth -= 1;
    else if (depth > 0) continue;
    else if (isSign(token, ',')) isNameDue = true;
    else if (isWord(token, 'select', 'values')) break;
    else if (isNameDue) {
      names.add(token.text.toLowerCase());
      isNameDue = false;
    }
  }
  return names;
}

/** The statement with more common table expressions. */
export function withDefinitions(sql: string, definitions: readonly Definition[]): string {
  if (definitions.length === 0) return sql;
  const list = definitions
    .map(
      ({ name, columns, body, isKept }) =>
        `${name}${columns ? `(${columns.join(', ')})` : ''} AS ${isKept ? 'MATERIALIZED ' : ''}(${body})`,
    )
    .join(', ');
  const [first, second] = sqlTokens(sql) ?? [];
  if (!isWord(first, 'with')) {
    const start = first?.start ?? 0;
    return `${sql.slice(0, start)}WITH ${list} ${sql.slice(start)}`;
  }
  const end = (isWord(second, 'recursive') ? second?.end : first?.end) ?? 0;
  return `${sql.slice(0, end)} ${list},${sql.slice(end)}`;
}
