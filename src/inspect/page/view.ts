import type { ChartLayout } from '../chart-geometry.ts';
import type { Earlier } from '../entries.ts';
import type { Filter } from '../filter.ts';
import type { History } from '../history.ts';
import type { LogStates } from '../log-states.ts';
import type { SourceName } from '../protocol.ts';
import type { RowsView } from '../rows.ts';
import type { ScheduleView } from '../schedule-view.ts';
import type { TimeScale } from '../time-scale.ts';

/** What the page shows at the moment; panels read it, and ask for another by {@link Commands}. */
export interface View {
  readonly history: History;
  /** What there was before the first entry. */
  readonly earlier: Earlier;
  readonly source: SourceName | null;
  readonly charts: ReadonlyMap<string, ChartLayout>;
  /** The index of the last entry that has happened; -1: none has. */
  readonly moment: number;
  /** Whether the moment is the newest, whatever comes. */
  readonly live: boolean;
  /** The server's clock now, milliseconds since the epoch. */
  readonly now: number;
  /** Who may be looked at, and who is. */
  readonly actors: readonly string[];
  readonly actor: string;
  /** What an event log says of machines; null for what has their steps. */
  readonly logStates: LogStates | null;
  /** What is searched for, and the indices of the entries that have it. */
  readonly find: string;
  readonly hits: readonly number[];
  readonly filter: Filter;
  /** Where moments are on a line of real time. */
  readonly scale: TimeScale;
  /** Whether recorded time goes by. */
  readonly isPlaying: boolean;
  readonly schedule: ScheduleView | null;
  /** The other moment that is compared with. */
  readonly mark: number | null;
  readonly difference: readonly string[] | null;
  /** The query whose rows are shown (empty: none), and what the server says of them; null before it has. */
  readonly rows: { readonly picked: string; readonly view: RowsView | null };
}

export interface Commands {
  goTo(moment: number): void;
  pickActor(actor: string): void;
  /** Shows the rows of a query; of the one that is shown no more. */
  pickRows(name: string): void;
}

/** A part of the page. */
export interface Panel {
  readonly element: HTMLElement;
  render(view: View): void;
}
