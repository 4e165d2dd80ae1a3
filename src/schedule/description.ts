import { isDeepStrictEqual } from 'node:util';
import { type Column, type Dialect, dialectOf, type Query } from '../vocabulary/model.ts';
import type { Translation } from './translation.ts';

/**
 * What is known of a query once osquery was asked: its columns in order, the tables it reads, and what runs in its place
 * where it is in the words of other tables. Or why it can't run.
 */
export type Description =
  | {
      readonly columns: readonly Column[];
      readonly tables: readonly string[];
      readonly translation?: Translation | undefined;
    }
  | { readonly code: string; readonly error: string };

/** A query whose columns osquery is to tell; whose tables it means depends on the vocabulary that it came in. */
export interface Question {
  readonly dialect: Dialect;
  readonly sql: string;
}

export function questionOf({ vocabulary, sql }: Pick<Query, 'vocabulary' | 'sql'>): Question {
  return { dialect: dialectOf(vocabulary), sql };
}

export function questionKey({ dialect, sql }: Question): string {
  return `${dialect}: ${sql}`;
}

/** What a query is known as while it runs: whoever knows it as something else has another query. */
interface Known {
  readonly columns: readonly Column[];
  readonly translation?: Translation | undefined;
}

/** Whether rows and what runs are the same. */
export function isSameForm(one: Known, other: Known): boolean {
  return (
    isDeepStrictEqual(one.columns, other.columns) && isDeepStrictEqual(one.translation, other.translation)
  );
}

/** By {@link questionKey}. */
export type Descriptions = Readonly<Record<string, Description>>;

/** What became of a one-time query; `error` empty: its rows are in the journal. */
export interface Executed {
  readonly rows: number;
  readonly error: string;
}
