import type { Data } from '../broker/data.ts';
import type { Column, NullPolicy, Reals, ResultRow } from './model.ts';

/**
 * How a vocabulary lays out the rows of a query as events. Who sends rows in great numbers writes them by it, straight
 * from osquery's bytes; `rowEncoder` says in a few lines what then comes out.
 */
export interface RowShape {
  readonly topic: string;
  /** Name of the event. */
  readonly event: string;
  /** In the order in which the event has them. */
  readonly columns: readonly Column[];
  /** Whether the columns are arguments of their own, or the fields of one record. */
  readonly columnsAre: 'arguments' | 'record';
  readonly nullPolicy: NullPolicy;
  readonly reals: Reals;
  /** The arguments before the columns. */
  head(row: RowCircumstances): readonly Data[];
}

/** What of a row decides what its event has beside the columns. */
export type RowCircumstances = Pick<ResultRow, 'change' | 'initial' | 'unixTime'>;
