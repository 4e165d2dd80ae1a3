import type { AnyActorRef } from 'xstate';
import type { LaneStatus } from '../../../delivery/courier.ts';
import { broOf, executions, type ScheduleState, subscriptions } from '../../../schedule/schedule.ts';
import { gapInWords } from '../../../vocabulary/gap-words.ts';
import type { House } from '../house.ts';
import type { Delivery } from '../ports/deliver.ts';
import type { State } from '../ports/state.ts';
import type { LinkHistory } from './link-history.ts';
import { osqueryStatus, type PeerStatus, peerStatuses } from './peer-status.ts';
import { type BroStatus, SQL_CLIP, type StatusReport } from './status-report.ts';

export interface StatusParts {
  /** The root machine. */
  readonly root: AnyActorRef;
  readonly links: LinkHistory;
  readonly startedAt: number;
  readonly hostId: string;
  readonly schedule: ScheduleState;
  readonly opened: { readonly state: State; readonly delivery: Delivery } | undefined;
  readonly logger: StatusReport['logger'];
}

/** How the extension is doing now. */
export function statusOf(house: House, parts: StatusParts): StatusReport {
  const { root, links, startedAt, hostId, schedule, opened, logger } = parts;
  const peers = house.settings().endpoints.map(({ peer }) => peer);
  const lanes = new Map(opened?.delivery.courier.lanes().map((lane) => [lane.peer, lane]));
  return {
    version: house.version,
    pid: process.pid,
    startedAt,
    at: house.world.now(),
    host: hostId,
    osquery: { ...osqueryStatus(root), since: links.osquerySince },
    bros: peerStatuses(root, peers).map((status) => ({
      ...broStatus(status, links, schedule),
      inFlight: lanes.get(status.peer)?.inFlight ?? 0,
      oldestAt: lanes.get(status.peer)?.oldestAt ?? null,
      untold: untoldOf(lanes.get(status.peer)),
    })),
    subscriptions: subscriptions(schedule).map(({ name, peer, query }) => ({
      name,
      peer,
      sql: query.sql.slice(0, SQL_CLIP),
      interval: query.interval,
    })),
    executions: executions(schedule).length,
    delivery: (opened?.delivery.courier.accounts() ?? []).map(({ skipped, ...account }) => ({
      ...account,
      skipped: { ...skipped },
    })),
    journal: {
      bytes: opened?.state.journal.bytes ?? 0,
      maxBytes: opened?.state.journal.limits.maxBytes ?? 0,
      segments: opened?.state.journal.segments.length ?? 0,
    },
    eventLog: {
      records: opened?.state.eventLog.seq ?? 0,
      trouble: opened?.state.eventLog.trouble?.message ?? '',
    },
    logger,
  };
}

function untoldOf(lane: LaneStatus | undefined): string {
  return lane?.untold ? gapInWords(lane.untold) : '';
}

function broStatus(
  status: PeerStatus,
  links: LinkHistory,
  schedule: ScheduleState,
): Omit<BroStatus, 'inFlight' | 'oldestAt' | 'untold'> {
  const { peer, state } = status;
  const bro = broOf(schedule, peer);
  const waits = state === 'backingOff' || state === 'refused';
  return {
    ...status,
    transport: bro?.connected ? bro.transport : '',
    since: bro ? (bro.lostAt ?? bro.connectedAt) : null,
    retryAt: waits ? links.retryAt(peer) : null,
    subscriptions: Object.keys(bro?.subscriptions ?? {}).length,
    groups: (bro?.groups ?? []).map(({ group }) => group),
  };
}
