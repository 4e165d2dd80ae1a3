/** osquery's event tables, and which of them a row that comes without a name can be of. */
import { BRO_EVENTS } from './bro-tables.ts';
import type { ManagerClient } from './manager-client.ts';
import type { Row } from './row.ts';
import { type DeclaredColumn, lookUpTable } from './table-columns.ts';

export interface EventTable {
  readonly name: string;
  /** The hidden ones too, such as `eid`: osquery forwards all that have a value. */
  readonly columns: readonly DeclaredColumn[];
}

/** The tables whose events osquery collects now; the rows of others can't come. */
const ACTIVE_SUBSCRIBERS = "SELECT name FROM osquery_events WHERE type = 'subscriber' AND active = 1";

/** Called as event tables are; the one tells of publishers and subscribers, the other is our event log. */
const NO_EVENT_TABLES: readonly string[] = ['osquery_events', BRO_EVENTS.name];

/**
 * Whether a table gives events, each once, and not what there is now: by its name, so that it can be told without
 * asking an osqueryd that may be starting.
 */
export function isEventTable(table: string): boolean {
  const name = table.toLowerCase();
  return name.endsWith('_events') && !NO_EVENT_TABLES.includes(name);
}

/** Asks osquery for its event tables. Throws OsqueryError. Never to be called inside a log call of osquery. */
export async function readEventTables(
  client: Pick<ManagerClient, 'query' | 'call' | 'getQueryColumns'>,
): Promise<readonly EventTable[]> {
  const tables: EventTable[] = [];
  for (const { name = '' } of await client.query(ACTIVE_SUBSCRIBERS)) {
    const columns = await lookUpTable(client, name);
    if (columns) tables.push({ name: name.toLowerCase(), columns });
  }
  return tables;
}

/**
 * The tables that have all columns of the row; the row may be of any of them. A row has the columns that the
 * event gave a value, so that tables can't be told apart by what it lacks.
 */
export function tablesOfRow(row: Row, tables: readonly EventTable[]): readonly EventTable[] {
  const names = Object.keys(row);
  return tables.filter(({ columns }) =>
    names.every((name) => columns.some((column) => column.name.toLowerCase() === name.toLowerCase())),
  );
}
