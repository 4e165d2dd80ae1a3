import type { AnyActorRef } from 'xstate';
import type { SenderStatus } from '../../../delivery/courier.ts';
import { broOf, executions, type ScheduleState, subscriptions } from '../../../schedule/schedule.ts';
import { troubleOf } from '../../../schedule/trouble.ts';
import { formatGap } from '../../../vocabulary/gap-text.ts';
import type { ExtensionContext } from '../extension-context.ts';
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
  readonly told: StatusReport['told'];
  /** When osquery last ran each of our queries, by name. */
  readonly runs: ReadonlyMap<string, number>;
}

/** How the extension is doing now. */
export function statusOf(context: ExtensionContext, parts: StatusParts): StatusReport {
  const { root, links, startedAt, hostId, schedule, opened, logger, told, runs } = parts;
  const peers = context.settings().endpoints.map(({ peer }) => peer);
  const senders = new Map(opened?.delivery.courier.senders().map((sender) => [sender.peer, sender]));
  return {
    version: context.version,
    pid: process.pid,
    startedAt,
    at: context.runtime.now(),
    host: hostId,
    osquery: { ...osqueryStatus(root), since: links.osquerySince },
    bros: peerStatuses(root, peers).map((status) => ({
      ...broStatus(status, links, schedule),
      inFlight: senders.get(status.peer)?.inFlight ?? 0,
      oldestAt: senders.get(status.peer)?.oldestAt ?? null,
      unreportedGap: untoldOf(senders.get(status.peer)),
    })),
    subscriptions: subscriptions(schedule).map((subscription) => {
      const { name, peer, query } = subscription;
      return {
        ...{ name, peer, interval: query.interval },
        sql: query.sql.slice(0, SQL_CLIP),
        lastRun: runs.get(name) ?? null,
        trouble: troubleOf(schedule, subscription),
      };
    }),
    told,
    executions: executions(schedule).length,
    delivery: (opened?.delivery.courier.counts() ?? []).map(({ skipped, ...counts }) => ({
      ...counts,
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

function untoldOf(sender: SenderStatus | undefined): string {
  return sender?.unreportedGap ? formatGap(sender.unreportedGap) : '';
}

function broStatus(
  status: PeerStatus,
  links: LinkHistory,
  schedule: ScheduleState,
): Omit<BroStatus, 'inFlight' | 'oldestAt' | 'unreportedGap'> {
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
