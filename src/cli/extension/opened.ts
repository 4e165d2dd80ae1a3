import { isEventTable } from '../../osquery/event-tables.ts';
import type { OsqueryOption } from '../../osquery/manager-values.ts';
import type { Host } from '../../vocabulary/words.ts';
import type { BroLinks } from './bro-links.ts';
import { createDelivery, type Delivery } from './deliver.ts';
import { Deliverables } from './deliverables.ts';
import type { EventMoments } from './event-moments.ts';
import type { House } from './house.ts';
import { MissedResults } from './missed-results.ts';
import { openState, type State } from './state.ts';
import type { Turns } from './turns.ts';

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
    deliverables.take(message);
    moments.take(message);
  });
  const delivery = createDelivery(house, { state, deliverables, links, moments, turns, host });
  const missed = new MissedResults(house, {
    courier: delivery.courier,
    marks: state.marks.marks,
    deliverables,
    flags,
  });
  return { state, delivery, missed };
}
