import type { AnyActorRef } from 'xstate';
import { broOf, type ScheduleState, subscriptionsOf } from '../../schedule/schedule.ts';
import type { Delivery } from './deliver.ts';
import type { House } from './house.ts';
import { osqueryStatus, peerStatuses } from './peer-status.ts';
import type { State } from './state.ts';
import type { StatusReport } from './status-report.ts';

export interface StatusParts {
  /** The root machine. */
  readonly root: AnyActorRef;
  readonly schedule: ScheduleState;
  readonly opened: { readonly state: State; readonly delivery: Delivery } | undefined;
  readonly tally: StatusReport['logger'];
}

/** How the extension is doing now. */
export function statusOf(house: House, { root, schedule, opened, tally }: StatusParts): StatusReport {
  const peers = house.settings().endpoints.map(({ peer }) => peer);
  return {
    version: house.version,
    pid: process.pid,
    at: house.world.now(),
    osquery: osqueryStatus(root),
    bros: peerStatuses(root, peers).map((status) => {
      const bro = broOf(schedule, status.peer);
      return {
        ...status,
        transport: bro?.connected ? bro.transport : '',
        since: bro ? (bro.lostAt ?? bro.connectedAt) : null,
        subscriptions: subscriptionsOf(schedule, status.peer).length,
      };
    }),
    delivery: opened?.delivery.courier.accounts() ?? [],
    journal: {
      bytes: opened?.state.journal.bytes ?? 0,
      maxBytes: opened?.state.journal.limits.maxBytes ?? 0,
    },
    eventLog: {
      records: opened?.state.eventLog.seq ?? 0,
      trouble: opened?.state.eventLog.trouble?.message ?? '',
    },
    logger: tally,
  };
}
