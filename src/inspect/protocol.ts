import { z } from 'zod';
import type { ChartLayout } from './chart-geometry.ts';
import type { Earlier, Entry } from './entries.ts';
import type { RowsView } from './rows.ts';
import type { ScheduleView } from './schedule-view.ts';

/** What server and page say to each other, one JSON object a WebSocket message. */

export interface Hello {
  readonly type: 'hello';
  readonly version: string;
  readonly source: SourceName;
  readonly charts: readonly ChartLayout[];
  /** The server's clock, milliseconds since the epoch. */
  readonly at: number;
}

export interface SourceName {
  /** An event log, a trace, or a running extension. */
  readonly kind: 'log' | 'trace' | 'live';
  readonly name: string;
}

export type FromServer =
  | Hello
  /** What has happened since the last of these. `more` follow at once. */
  | {
      readonly type: 'entries';
      readonly entries: readonly Entry[];
      readonly more: boolean;
      readonly earlier: Earlier;
    }
  | { readonly type: 'schedule'; readonly ask: number; readonly view: ScheduleView }
  | { readonly type: 'difference'; readonly ask: number; readonly lines: readonly string[] }
  | { readonly type: 'rows'; readonly ask: number; readonly view: RowsView }
  /** The source can't be read on. */
  | { readonly type: 'problem'; readonly text: string };

const count = z.number().int().nonnegative();

const fromPage = z.discriminatedUnion('type', [
  /** The first message; `token` empty where none is asked for. */
  z.object({ type: z.literal('hello'), token: z.string().max(256) }),
  /** The schedule after the fact `seq`. */
  z.object({ type: z.literal('schedule'), ask: count, seq: count }),
  /** What is different between two facts. */
  z.object({ type: z.literal('difference'), ask: count, from: count, to: count }),
  /**
   * The latest rows of a query, up to a time in milliseconds since the epoch. Without a name: whether rows are shown at all.
   */
  z.object({
    type: z.literal('rows'),
    ask: count,
    name: z.string().max(256),
    until: z.number().nonnegative().nullable(),
  }),
]);

export type FromPage = z.infer<typeof fromPage>;

/** Reads what a page says; null for what no page says. */
export function parseFromPage(text: string): FromPage | null {
  try {
    return fromPage.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
