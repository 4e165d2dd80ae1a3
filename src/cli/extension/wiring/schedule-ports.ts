import { supply } from '../../../../actors/port.ts';
import type { DistributedExecutions } from '../../../osquery/distributed-executions.ts';
import { fetchesQueries } from '../../../osquery/flag-advice.ts';
import { QueryDescriber } from '../../../query/describe-client.ts';
import { QueryExecutor } from '../../../query/execute.ts';
import type { ExtensionContext } from '../extension-context.ts';
import type { CooperativeScheduler } from '../ports/cooperative-scheduler.ts';
import type { OsqueryLink } from '../ports/osquery-link.ts';
import type { HostKnowledge } from './host-knowledge.ts';
import type { StateService } from './state-service.ts';

export interface SchedulePortsParts {
  readonly osquery: OsqueryLink;
  readonly knowledge: HostKnowledge;
  readonly state: StateService;
  readonly distributed: DistributedExecutions;
  readonly scheduler: CooperativeScheduler;
}

/** The ports of the schedule manager: what osquery says of queries, the event log, and who runs one-time queries. */
export function schedulePorts(context: ExtensionContext, parts: SchedulePortsParts) {
  const { osquery, knowledge, state, distributed, scheduler } = parts;
  const { access, lookUp, facts } = knowledge;
  const { client } = osquery;
  const { now } = context.runtime;
  const registered = () => osquery.registered();
  const describer = new QueryDescriber({
    ...{ client, registered, access, lookUp, facts, now, log: context.log },
  });
  const executor = new QueryExecutor({
    ...{ client, registered, distributed, ownQueries: state.ownQueries, courier: state.courier },
    ...{ now, yieldControl: scheduler.nextSlot },
    isDistributed: () => context.settings().oneTimeQueries === 'distributed' && fetchesQueries(osquery.flags),
    maxRestarts: () => context.settings().policy.maxExecutionRestarts,
  });
  return {
    describe: supply(describer.describe),
    append: supply(state.eventLog.append),
    execute: supply(executor.execute),
  };
}
