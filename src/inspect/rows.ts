import { printable } from '../replay/printable.ts';
import { reasonOf } from '../text/reason.ts';
import { shortened } from '../text/shortened.ts';
import type { RowChange } from '../vocabulary/model.ts';

/** Rows as the page may be shown them: out of the journal, on demand, never out of a recording. */

/** What pages are told of rows. */
export type RowAccess =
  /** Nothing; `how` says to people how they can be seen. */
  { readonly shown: false; readonly how: string } | { readonly shown: true; readonly read: RowReader };

/** The latest rows of a query, the newest first; `until` in milliseconds since the epoch, null for now. */
export type RowReader = (name: string, until: number | null) => Promise<LatestRows>;

export interface LatestRows {
  readonly rows: readonly {
    readonly sequence: number;
    readonly receivedAt: number;
    readonly change: RowChange;
    readonly columns: Readonly<Record<string, string>>;
  }[];
  /** Whether there may be older ones in a part of the journal that was not looked through. */
  readonly isCut: boolean;
}

/** What is shown of a query's rows, all of it text. */
export type RowsView =
  | { readonly outcome: 'hidden'; readonly how: string }
  | { readonly outcome: 'unreadable'; readonly problem: string }
  | {
      readonly outcome: 'shown';
      readonly columns: readonly string[];
      readonly rows: readonly RowView[];
      readonly isCut: boolean;
    };

export interface RowView {
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly change: RowChange;
  /** A text for each column; null where the row has none. */
  readonly cells: readonly (string | null)[];
}

/** Rows, columns of each, and letters of a value or a name that are shown at the most. */
export const MOST_ROWS = 50;
export const MOST_COLUMNS = 64;
export const LONGEST_VALUE = 300;

/** @param name the query's; empty: the page only wants to know whether it may see rows */
export async function rowsView(access: RowAccess, name: string, until: number | null): Promise<RowsView> {
  if (!access.shown) return { outcome: 'hidden', how: access.how };
  if (name === '') return { outcome: 'shown', columns: [], rows: [], isCut: false };
  try {
    const { rows, isCut } = await access.read(name, until);
    const latest = rows.slice(0, MOST_ROWS);
    const columns = [...new Set(latest.flatMap((row) => Object.keys(row.columns)))].slice(0, MOST_COLUMNS);
    return {
      outcome: 'shown',
      columns: columns.map(shown),
      rows: latest.map(({ sequence, receivedAt, change, columns: values }) => ({
        sequence,
        at: receivedAt,
        change,
        cells: columns.map((column) => {
          const value = Object.hasOwn(values, column) ? values[column] : undefined;
          return value === undefined ? null : shown(value);
        }),
      })),
      isCut,
    };
  } catch (error) {
    return { outcome: 'unreadable', problem: `The journal can't be read: ${printable(reasonOf(error))}` };
  }
}

/** Cut before it is made printable, so that nothing long is worked on. */
function shown(value: string): string {
  const cut = printable(shortened(value, LONGEST_VALUE));
  return value.length <= LONGEST_VALUE ? cut : `${cut} (${value.length} characters)`;
}
