import { count, type Data, integer, none, real, string } from '../broker/data.ts';
import { shortened } from '../text/shortened.ts';
import type { Column, ColumnType, NullPolicy, Reals } from './model.ts';
import { toCount, toInteger, toReal, WHOLE } from './numbers.ts';
import { zeekConverter } from './zeek-values.ts';

/**
 * osquery's text to Broker's types. TEXT, BLOB and UNKNOWN are strings, byte for byte; INTEGER and BIGINT are
 * `integer`; UNSIGNED BIGINT is `count`; DOUBLE is `real`. An empty text in a numeric column is NULL, for which the
 * null policy decides.
 *
 * A value that its column's type can't hold exactly (a fraction or a word in a BIGINT column, 2^63 in an INTEGER one)
 * is never rounded, and never sent as another type either: Zeek drops an event whose argument has the wrong type
 * without a word to anyone who could help. The row is reported instead, with the CAST that mends the query.
 * osquery calls sums, averages and max() of text BIGINT, so this is a thing that authors of queries will meet.
 */

/**
 * A row that can't be sent: a value that its column's type can't hold, a NULL under the policy `skip_row`, or columns that
 * are not those of its query.
 */
export interface RowProblem {
  readonly problem: 'misfit' | 'null' | 'columns';
  readonly column: string;
  readonly type: ColumnType;
  /** The value, cut to a length fit for a log line. */
  readonly value: string;
  /** What happened and what to do, for people. */
  readonly text: string;
}

/** Turns a row's values, by column name, into Broker's, in the columns' order. */
export type RowConverter = (values: Readonly<Record<string, string>>) => Data[] | RowProblem;

export const isRowProblem = (result: object): result is RowProblem => 'problem' in result;

/** Works out once what to do with each column; the result is called for each row and never throws. */
export function rowConverter(
  columns: readonly Column[],
  nullPolicy: NullPolicy,
  reals: Reals = 'any',
): RowConverter {
  const plan = columns.map((column) => ({
    name: column.name,
    convert: cellConverter(column, nullPolicy, reals),
  }));
  return (values) => {
    if (Object.keys(values).length !== plan.length) return strange(columns, values);
    const data = new Array<Data>(plan.length);
    for (let at = 0; at < plan.length; at += 1) {
      const column = plan[at];
      if (!column) break;
      if (!Object.hasOwn(values, column.name)) return strange(columns, values);
      const value = column.convert(textOf(values[column.name]));
      if (isRowProblem(value)) return value;
      data[at] = value;
    }
    return data;
  };
}

/** The same for a single column: called with osquery's text for it, never throws. */
export function cellConverter(
  { name, type, zeek, emptyIsUnset = false }: Column,
  nullPolicy: NullPolicy,
  reals: Reals,
): (text: string) => Data | RowProblem {
  if (zeek) {
    const convert = zeekConverter(zeek, emptyIsUnset);
    return (text) => convert(text) ?? unfit(name, type, text);
  }
  const convert = CONVERTERS[type];
  const empty = nullPolicy === 'none' ? none : NULLS[type];
  return (text) => {
    if (text === '' && NULLS[type] && empty)
      return nullPolicy === 'skip_row' ? nullProblem(name, type) : empty;
    const value = convert(text);
    if (!value) return misfit(name, type, text);
    if (reals === 'finite' && value.type === 'real' && !Number.isFinite(value.value))
      return endless(name, type, text);
    return value;
  };
}

/** A row comes from JSON, and a column may be called `constructor`: only text counts. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

const CONVERTERS: Readonly<Record<ColumnType, (text: string) => Data | undefined>> = {
  TEXT: string,
  BLOB: string,
  UNKNOWN: string,
  INTEGER: toInteger,
  BIGINT: toInteger,
  'UNSIGNED BIGINT': toCount,
  DOUBLE: toReal,
};

/** What NULL is under the policy `zero`; types without an entry have no NULL that could be told from empty text. */
const NULLS: Readonly<Partial<Record<ColumnType, Data>>> = {
  INTEGER: integer(0n),
  BIGINT: integer(0n),
  'UNSIGNED BIGINT': count(0n),
  DOUBLE: real(0),
};

const SHOWN = 80;

function misfit(column: string, type: ColumnType, text: string): RowProblem {
  const value = shortened(text, SHOWN);
  const target = castFor(type, text);
  return {
    problem: 'misfit',
    column,
    type,
    value,
    text: `column "${column}" is ${type} in osquery, which can't hold the value "${value}"; write CAST(… AS ${target}) AS ${quoted(column)} in the query and take a ${ZEEK_TYPES[target]} in the Zeek event`,
  };
}

/** A value of a column whose type the Bro's scripts fix, and which is none of that. */
function unfit(column: string, type: ColumnType, text: string): RowProblem {
  const value = shortened(text, SHOWN);
  return {
    problem: 'misfit',
    column,
    type,
    value,
    text: `column "${column}" has the value "${value}", which its type in Zeek Agent's table can't hold`,
  };
}

function endless(column: string, type: ColumnType, value: string): RowProblem {
  return {
    problem: 'misfit',
    column,
    type,
    value,
    text: `column "${column}" is "${value}", which JSON, used by WebSocket and NATS, can't represent; write CAST(… AS TEXT) AS ${quoted(column)} in the query and take a string in the Zeek event`,
  };
}

/** osquery's columns have changed since the query was subscribed. */
function strange(columns: readonly Column[], values: Readonly<Record<string, string>>): RowProblem {
  const missing = columns.filter(({ name }) => !Object.hasOwn(values, name)).map(({ name }) => name);
  const surplus = Object.keys(values).filter((key) => !columns.some(({ name }) => name === key));
  const said = [
    ...(missing.length > 0 ? [`lacks ${shortened(missing.join(', '), SHOWN)}`] : []),
    ...(surplus.length > 0 ? [`has ${shortened(surplus.join(', '), SHOWN)} beside`] : []),
  ].join(' and ');
  return {
    problem: 'columns',
    column: missing[0] ?? surplus[0] ?? '',
    type: 'UNKNOWN',
    value: '',
    text: `a row ${said}: the columns of the query have changed`,
  };
}

function nullProblem(column: string, type: ColumnType): RowProblem {
  return {
    problem: 'null',
    column,
    type,
    value: '',
    text: `column "${column}" (${type}) is NULL, and rows with NULL in a numeric column are skipped (null_policy: skip_row)`,
  };
}

type CastTarget = 'BIGINT' | 'DOUBLE' | 'TEXT';

const ZEEK_TYPES: Readonly<Record<CastTarget, string>> = { BIGINT: 'int', DOUBLE: 'double', TEXT: 'string' };

/** The type to cast to, so that the value arrives whole. */
function castFor(type: ColumnType, text: string): CastTarget {
  if (type !== 'DOUBLE' && toReal(text) && !WHOLE.test(text)) return 'DOUBLE';
  if (type === 'UNSIGNED BIGINT' && toInteger(text)) return 'BIGINT';
  if (type === 'DOUBLE' && toInteger(text)) return 'BIGINT';
  return 'TEXT';
}

function quoted(column: string): string {
  return /^[A-Za-z_]\w*$/.test(column) ? column : `"${column.replaceAll('"', '""')}"`;
}
