import type { LogItem } from '../osquery/log-item.ts';
import type { RowChange } from '../vocabulary/model.ts';
import type { Deliverable } from './ports.ts';

const DAY = 86_400_000;
/** osquery forgets results of a query that hasn't run for a week; then its counter says 0 again. */
const FORGOTTEN_AFTER = 6 * DAY;

/** Whether rows of the line are of the query's first run. */
export function isInitial(item: LogItem, deliverable: Deliverable): boolean {
  const { query, eventBased, subscribedAt } = deliverable;
  if (item.counter !== 0 || eventBased || query.updateType === 'SNAPSHOT') return false;
  return subscribedAt === undefined || item.unixTime * 1000 - subscribedAt < FORGOTTEN_AFTER;
}

/** Why a row isn't for the Bro that has the query, undefined if it is. */
export function unwanted(change: RowChange, initial: boolean, deliverable: Deliverable): string | undefined {
  const { updateType, initialRows } = deliverable.query;
  if (change !== 'SNAPSHOT') {
    if (updateType !== 'BOTH' && updateType !== change) return 'update-type';
    if (initial && !initialRows) return 'initial';
  }
  return undefined;
}
