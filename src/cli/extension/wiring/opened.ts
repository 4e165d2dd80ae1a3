import { Deliverables } from '../../../delivery/deliverables.ts';
import type { EventMoments } from '../../../delivery/event-moments.ts';
import { MissedResults } from '../../../delivery/missed-results.ts';
import { isEventTable } from '../../../osquery/event-tables.ts';
import type { OsqueryOption } from '../../../osquery/manager-values.ts';
import { resultLogs } from '../../../osquery/result-log-store.ts';
import type { Host } from '../../../vocabulary/words.ts';
import type { House } from '../house.ts';
import type { BroLinks } from '../ports/bro-links.ts';
import { createDelivery, type Delivery } from '../ports/deliver.ts';
import { openState, type State } from '../ports/state.ts';
import type { Turns } from '../ports/turns.ts';

/** What there is once the state directory is open. */
export interface Opened {
  readonly state: State;
  readonly delivery: Delivery;
  readonly missed: MissedResults;
}

export interface OpeningParts {
  readonly directory: string;
  readonly links: BroLinks;
  readonly moments: EventMoments;
  readonly turns: Turns;
  /** Undefined until osquery has described it. */
  readonly host: () => Host | undefined;
  /** osqueryd's flags. */
  readonly flags: () => ReadonlyMap<string, OsqueryOption>;
}

/** Opens the state directory, and makes what lives on it, which follows the schedule from then on. */
export async function openAll(house: House, parts: OpeningParts): Promise<Opened> {
  const { directory, links, moments, turns, host, flags } = parts;
  const state = await openState(house, directory);
  const deliverables = new Deliverables(() => state.eventLog.state, isEventTable);
  house.bus.subscribe(['schedule.changed'], (message) => {
    if (message.type !== 'schedule.changed') return;
    deliverables.take(message);
    moments.take(message);
  });
  const delivery = createDelivery(house, { state, deliverables, links, moments, turns, host });
  const missed = new MissedResults({
    resultLogs,
    log: house.log,
    courier: delivery.courier,
    marks: state.marks.marks,
    deliverables,
    flags,
  });
  return { state, delivery, missed };
}
