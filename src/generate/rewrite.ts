import type { Column, ColumnType } from '../osquery/columns.ts';
import { selectArms } from './select-arms.ts';

export interface TypedColumn {
  /** Its place in the statement's own list. */
  readonly at: number;
  readonly name: string;
  readonly type: ColumnType;
  /** What a CAST has to make of it. */
  readonly cast?: Cast;
}

export type Cast = 'TEXT' | 'BIGINT' | 'DOUBLE';

/** SQL's names have no case. */
export const nameKey = (name: string) => name.toLowerCase();

/** Words that SQLite takes for no name unless it is in quotes. */
const RESERVED =
  /^(add|all|alter|and|as|autoincrement|between|case|check|collate|commit|constraint|create|default|deferrable|delete|distinct|drop|else|escape|except|exists|foreign|from|group|having|if|in|index|insert|intersect|into|is|isnull|join|limit|not|notnull|null|on|or|order|primary|references|returning|select|set|table|then|to|transaction|union|unique|update|using|values|when|where|cross|full|inner|left|natural|outer|right|indexed|end)$/i;

/** In backticks: what is in double quotes and no name becomes a text. */
export function quoted(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) && !RESERVED.test(name) ? name : `\`${name.replaceAll('`', '``')}\``;
}

/** A way to put the statement: by what each result is read from it, and what is put around it. */
export interface Rewrite {
  readonly columns: readonly TypedColumn[];
  /** @param columns with the CASTs that they need */
  sqlFor(columns: readonly TypedColumn[]): string;
}

export function rewriteOf(sql: string, columns: readonly TypedColumn[], all: readonly Column[]): Rewrite {
  const hasStar = selectArms(sql)?.arms.some((arm) => arm.items.some(({ isStar }) => isStar)) ?? true;
  return hasStar ? byName(sql, columns) : byPlace(sql, columns, all);
}

/**
 * The columns by name out of the statement, for its own list says `*`: which columns that are depends on the platform and
 * version of osquery, and Zeek takes rows of one length alone. Of columns with one name the first is taken.
 */
function byName(sql: string, given: readonly TypedColumn[]): Rewrite {
  const isFirst = ({ name }: TypedColumn, at: number) =>
    given.findIndex((other) => nameKey(other.name) === nameKey(name)) === at;
  return { columns: given.filter(isFirst), sqlFor: (columns) => `${selectList(columns)} FROM (\n${sql}\n)` };
}

/** The statement as it is, where its columns have names and types of their own; else its columns by their places. */
function byPlace(sql: string, given: readonly TypedColumn[], all: readonly Column[]): Rewrite {
  const names = uniqueNames(all.map(({ name }) => name));
  const columns = given.map((column) => ({ ...column, name: names[column.at] ?? column.name }));
  const isPlain = columns.length === all.length && names.every((name, at) => name === all[at]?.name);
  return {
    columns,
    sqlFor: (typed) =>
      isPlain && typed.every(({ cast }) => cast === undefined)
        ? sql
        : `WITH answer(${names.map(quoted).join(', ')}) AS (\n${sql}\n) ${selectList(typed)} FROM answer`,
  };
}

function selectList(columns: readonly TypedColumn[]): string {
  const results = columns.map(({ name, cast }) =>
    cast === undefined ? quoted(name) : `CAST(${quoted(name)} AS ${cast}) AS ${quoted(name)}`,
  );
  return `SELECT ${results.join(', ')}`;
}

function uniqueNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let number = 2; taken.has(nameKey(unique)); number += 1) unique = `${name}_${number}`;
    taken.add(nameKey(unique));
    return unique;
  });
}
