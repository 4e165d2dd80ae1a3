import type { Deliverables } from '../../../delivery/deliverables.ts';
import type { ImmediateEvents } from '../../../delivery/immediate-events.ts';
import { MissedResults } from '../../../delivery/missed-results.ts';
import type { ManagerClient } from '../../../osquery/manager-client.ts';
import type { OsqueryOption } from '../../../osquery/manager-values.ts';
import { resultLogs } from '../../../osquery/result-log-store.ts';
import { subscriptions } from '../../../schedule/schedule.ts';
import type { Host } from '../../../vocabulary/model.ts';
import type { SystemLogOptions } from '../../../zeek-agent/system-log-client.ts';
import type { ExtensionContext } from '../extension-context.ts';
import type { BroLinks } from '../ports/bro-links.ts';
import type { CooperativeScheduler } from '../ports/cooperative-scheduler.ts';
import { createDelivery, type Delivery } from '../ports/deliver.ts';
import { OwnQueries } from '../ports/own-queries.ts';
import { openState, type State } from '../ports/state.ts';

/** What there is once the state directory is open. */
export interface Opened {
  readonly state: State;
  readonly delivery: Delivery;
  readonly missed: MissedResults;
  readonly ownQueries: OwnQueries;
}

export interface OpeningParts {
  readonly directory: string;
  readonly links: BroLinks;
  /** Empty: what is delivered is known once the log is. */
  readonly deliverables: Deliverables;
  readonly immediate: ImmediateEvents;
  readonly scheduler: CooperativeScheduler;
  /** Undefined until osquery has described it. */
  readonly host: () => Host | undefined;
  readonly client: ManagerClient;
  readonly systemLog: SystemLogOptions;
  /** osqueryd's flags. */
  readonly flags: () => ReadonlyMap<string, OsqueryOption>;
}

/** Opens the state directory, and makes what lives on it, which follows the schedule from then on. */
export async function openAll(context: ExtensionContext, parts: OpeningParts): Promise<Opened> {
  const { directory, deliverables, links, immediate, scheduler, host, flags, client, systemLog } = parts;
  const state = await openState(context, directory);
  deliverables.take({ added: subscriptions(state.eventLog.report.state), removed: [] });
  context.bus.subscribe(['schedule.changed'], (message) => {
    if (message.type !== 'schedule.changed') return;
    deliverables.take(message);
    ownQueries.take(message.added, message.removed);
    immediate.take(message);
  });
  const delivery = createDelivery(context, { state, deliverables, links, immediate, scheduler, host });
  const ownQueries = new OwnQueries(context, {
    client,
    courier: delivery.courier,
    directory,
    host,
    systemLog,
  });
  const missed = new MissedResults({
    resultLogs,
    log: context.log,
    courier: delivery.courier,
    marks: state.marks.marks,
    deliverables,
    flags,
  });
  return { state, delivery, missed, ownQueries };
}
