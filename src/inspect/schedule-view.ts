import { printable } from '../replay/printable.ts';
import { render } from '../schedule/render.ts';
import { executions, groupsOf, type ScheduleState, subscriptions } from '../schedule/schedule.ts';
import { troubleOf } from '../schedule/trouble.ts';
import type { Audience } from '../vocabulary/model.ts';

/** The schedule at a moment, as the page shows it; times in milliseconds since the epoch. */
export interface ScheduleView {
  /** The last fact that is in it. */
  readonly seq: number;
  readonly subscriptions: readonly SubscriptionView[];
  readonly executions: readonly {
    readonly name: string;
    readonly peer: string;
    readonly sql: string;
    readonly since: number;
  }[];
  readonly bros: readonly BroView[];
  readonly groups: readonly string[];
  /** What osquery is given, as `replay --schedule` prints it. */
  readonly config: string;
}

export interface SubscriptionView {
  readonly name: string;
  readonly peer: string;
  readonly sql: string;
  /** Names of its columns, in its order. */
  readonly columns: readonly string[];
  /** Seconds. */
  readonly interval: number;
  readonly updateType: string;
  readonly event: string;
  readonly vocabulary: string;
  readonly via: string;
  readonly since: number;
  readonly generation: number;
  readonly confirmed: boolean;
  /** Why it does not run as it was asked for; empty: it does. */
  readonly trouble: string;
}

export interface BroView {
  readonly peer: string;
  readonly connected: boolean;
  readonly transport: string;
  readonly since: number;
  readonly resyncing: boolean;
  readonly subscriptions: number;
  readonly rowsDropped: number;
}

export function scheduleView(state: ScheduleState, seq: number): ScheduleView {
  return {
    seq,
    subscriptions: subscriptions(state).map((subscription) => {
      const { name, peer, query, columns, via, subscribedAt, generation, confirmed } = subscription;
      return {
        name,
        peer,
        sql: printable(query.sql),
        columns: columns.map((column) => printable(column.name)),
        interval: query.interval,
        updateType: query.updateType,
        event: printable(query.event),
        vocabulary: query.vocabulary,
        via: via.map(formatAudience).join(', '),
        since: subscribedAt,
        generation,
        confirmed,
        trouble: printable(troubleOf(state, subscription)),
      };
    }),
    executions: executions(state).map(({ name, peer, query, requestedAt }) => ({
      name,
      peer,
      sql: printable(query.sql),
      since: requestedAt,
    })),
    bros: Object.values(state.bros).map((bro) => ({
      peer: bro.peer,
      connected: bro.connected,
      transport: bro.transport,
      since: bro.lostAt ?? bro.connectedAt,
      resyncing: bro.resyncing,
      subscriptions: Object.keys(bro.subscriptions).length,
      rowsDropped: bro.rowsDropped,
    })),
    groups: groupsOf(state).map(printable),
    config: JSON.stringify(render(state), null, 2),
  };
}

function formatAudience(audience: Audience): string {
  if (audience.to === 'group') return `group ${printable(audience.group)}`;
  return audience.to === 'all' ? 'every host' : 'this host';
}
