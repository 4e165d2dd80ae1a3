import type { Column, ColumnType } from '../osquery/columns.ts';
import { reasonOf } from '../text/reason.ts';
import { isName, isSign, isWord, type SqlToken, sqlTokens } from '../text/sql-tokens.ts';
import type { ValueType } from './expression-type.ts';
import type { Platform } from './model.ts';
import { type Cast, nameKey, quoted, type Rewrite, rewriteOf, type TypedColumn } from './rewrite.ts';
import { selectArms } from './select-arms.ts';
import { type Describe, valueTypes } from './type-source.ts';

/** Types that Zeek has for osquery's columns. */
export type ZeekType = 'string' | 'int' | 'count' | 'double';

export interface PlannedColumn {
  readonly name: string;
  readonly type: ZeekType;
}

/** How a query is put to hosts, so that its rows are what the Zeek script declares. */
export interface Plan {
  readonly sql: string;
  readonly columns: readonly PlannedColumn[];
  /** Where osquery has all that the query names. */
  readonly platforms: readonly Platform[];
  /** What whoever reads the script has to know. */
  readonly notes: readonly string[];
}

export type Describers = Readonly<Record<Platform, Describe>>;

/** @returns a plan, or why there can be none */
export async function planQuery(
  sql: string,
  wanted: readonly Platform[],
  describers: Describers,
): Promise<Plan | string> {
  const bare = bareStatement(sql);
  const answers = await Promise.all(wanted.map((platform) => ask(platform, bare, describers[platform])));
  const given = answers.filter((answer): answer is Described => 'columns' in answer);
  const [first] = given;
  if (first === undefined) return reasons(answers);
  const notes = answers.flatMap((answer) =>
    'reason' in answer ? [`Not on ${answer.platform}: ${answer.reason}.`] : [],
  );
  const platforms = given.map(({ platform }) => platform);

  const common = inAll(given);
  const missing = [...new Set(given.flatMap(({ columns }) => namesOf(columns)))].filter(
    (name) => !common.has(name),
  );
  if (common.size === 0) return 'its columns have no name in common on its platforms';
  if (missing.length > 0) notes.push(`Not on all of its platforms, and left out: ${missing.join(', ')}.`);

  const typed = await withCasts(bare, first, common, describers[first.platform], notes);
  const rewrite = rewriteOf(bare, typed, first.columns);
  const final = await settled(rewrite, platforms, describers);
  return typeof final === 'string' ? final : { ...final, platforms, notes };
}

/** A policy is only asked whether it has rows: it stays as it is, for the platforms that have what it names. */
export async function planPolicy(
  sql: string,
  wanted: readonly Platform[],
  describers: Describers,
): Promise<Pick<Plan, 'sql' | 'platforms'> | string> {
  const bare = bareStatement(sql);
  const answers = await Promise.all(wanted.map((platform) => ask(platform, bare, describers[platform])));
  const platforms = answers.flatMap((answer) => ('columns' in answer ? [answer.platform] : []));
  return platforms.length === 0 ? reasons(answers) : { sql: bare, platforms };
}

/** Without what may follow a statement: semicolons, and a comment that would swallow what is put behind it. */
function bareStatement(sql: string): string {
  const tokens = sqlTokens(sql) ?? [];
  const last = tokens.findLast((token) => token.text !== ';' || token.kind !== 'sign');
  return last ? sql.slice(0, last.end).trim() : sql.trim();
}

interface Described {
  readonly platform: Platform;
  readonly columns: readonly Column[];
}

interface Unknown {
  readonly platform: Platform;
  readonly reason: string;
}

async function ask(platform: Platform, sql: string, describe: Describe): Promise<Described | Unknown> {
  try {
    const columns = await describe(sql);
    return columns.length > 0 ? { platform, columns } : { platform, reason: 'the statement returns no rows' };
  } catch (error) {
    const reason = reasonOf(error);
    return { platform, reason: reason === 'map::at' ? 'it is several statements' : reason };
  }
}

function reasons(answers: readonly (Described | Unknown)[]): string {
  const all = answers.flatMap((answer) => ('reason' in answer ? [answer] : []));
  const [first] = all;
  if (all.every(({ reason }) => reason === first?.reason)) return first?.reason ?? 'it is for no platform';
  return all.map(({ platform, reason }) => `${platform}: ${reason}`).join('; ');
}

const namesOf = (columns: readonly Column[]) => columns.map(({ name }) => nameKey(name));

function inAll(given: readonly Described[]): ReadonlySet<string> {
  const [first, ...others] = given.map(({ columns }) => new Set(namesOf(columns)));
  return new Set([...(first ?? [])].filter((name) => others.every((names) => names.has(name))));
}

async function withCasts(
  sql: string,
  { columns }: Described,
  common: ReadonlySet<string>,
  describe: Describe,
  notes: string[],
): Promise<readonly TypedColumn[]> {
  const values = await valueTypes(sql, describe);
  const declared = await Promise.all(columns.map((column) => alone(sql, column, describe)));
  const isCastWhole = mayBeMistaken(sql);
  return declared.flatMap((column, at): TypedColumn[] => {
    if (!common.has(nameKey(column.name))) return [];
    const { cast = isCastWhole ? CASTS[zeekType(column.type)] : undefined, note } = castOf(
      column,
      values?.[at],
      values !== undefined,
    );
    if (note !== undefined) notes.push(note);
    return [{ at, ...column, ...(cast !== undefined && { cast }) }];
  });
}

/**
 * Whether osquery may take a column of a table for another type than the table declares. Beside an expression, 5.23 goes
 * by the program of the statement, where one register serves several columns: seen with several tables, never with one.
 */
function mayBeMistaken(sql: string): boolean {
  const statement = selectArms(sql);
  if (!statement) return true;
  const items = statement.arms.flatMap((arm) => arm.items);
  const hasExpression = items.some(({ isStar, expression }) => !isStar && expression.some(isNoName));
  const sources = statement.arms.map(({ from }) => sqlTokens(from) ?? []);
  const hasSubquery = sqlTokens(sql)?.filter((token) => isWord(token, 'select')).length !== 1;
  const isJoined = sources.some((tokens) =>
    tokens.some((token) => isSign(token, ',') || isWord(token, 'join')),
  );
  return (hasExpression || (hasSubquery && items.some(({ isStar }) => isStar))) && (hasSubquery || isJoined);
}

function isNoName(token: SqlToken): boolean {
  return !isName(token) && !isSign(token, '.');
}

/** The column asked for by itself: so osquery says what its table declares. */
async function alone(sql: string, column: Column, describe: Describe): Promise<Column> {
  try {
    const [asked] = await describe(`SELECT ${quoted(column.name)} FROM (\n${sql}\n)`);
    return asked === undefined || asked.type === 'UNKNOWN' ? column : { ...column, type: asked.type };
  } catch {
    return column;
  }
}

/** osquery calls every aggregate and every sum a BIGINT, and every function UNKNOWN: only the text knows better. */
function castOf(
  { name, type }: Column,
  value: ValueType | undefined,
  isTold: boolean,
): { readonly cast?: Cast; readonly note?: string } {
  if (type === 'UNKNOWN') {
    if (value !== undefined && value !== 'NULL') return { cast: value };
    return value === 'NULL'
      ? { cast: 'TEXT' }
      : {
          cast: 'TEXT',
          note: `The type of ${name} can't be told: it comes as text. Write a CAST to another type where it has one.`,
        };
  }
  const isWhole = type === 'BIGINT' || type === 'INTEGER' || type === 'UNSIGNED BIGINT';
  if (!isWhole || value === 'BIGINT' || value === 'NULL') return {};
  if (value !== undefined) return { cast: value };
  return isTold
    ? {
        note: `osquery says that ${name} is a whole number, which its expression doesn't tell: a row with another value is held back. Write a CAST where it is none.`,
      }
    : {};
}

/** The statement that gives the columns' types on all platforms: what osquery takes for another gets a CAST too. */
async function settled(
  { columns, sqlFor }: Rewrite,
  platforms: readonly Platform[],
  describers: Describers,
): Promise<Pick<Plan, 'sql' | 'columns'> | string> {
  const wanted = columns.map(({ type, cast }) => zeekType(cast ?? type));
  let typed = columns;
  let differing: readonly number[] = [];
  for (let round = 0; round < 2; round += 1) {
    const sql = sqlFor(typed);
    const answers = await Promise.all(platforms.map((platform) => ask(platform, sql, describers[platform])));
    const failed = answers.find((answer) => 'reason' in answer);
    if (failed) return reasons([failed]);
    const types = answers.map((answer) =>
      'columns' in answer ? answer.columns.map(({ type }) => zeekType(type)) : [],
    );
    differing = wanted.flatMap((type, at) => (types.every((found) => found[at] === type) ? [] : [at]));
    if (differing.length === 0) {
      return { sql, columns: columns.map(({ name }, at) => ({ name, type: wanted[at] ?? 'string' })) };
    }
    // There is no CAST to an unsigned type: osquery takes it for BIGINT.
    for (const at of differing) if (wanted[at] === 'count') wanted[at] = 'int';
    typed = typed.map((column, at) =>
      differing.includes(at) ? { ...column, cast: CASTS[wanted[at] ?? 'string'] } : column,
    );
  }
  const names = differing.map((at) => columns[at]?.name).join(', ');
  return `its columns have other types on other platforms, whatever the CAST: ${names}`;
}

const CASTS = { string: 'TEXT', int: 'BIGINT', count: 'BIGINT', double: 'DOUBLE' } as const;

function zeekType(type: ColumnType): ZeekType {
  switch (type) {
    case 'INTEGER':
    case 'BIGINT':
      return 'int';
    case 'UNSIGNED BIGINT':
      return 'count';
    case 'DOUBLE':
      return 'double';
    default:
      return 'string';
  }
}
