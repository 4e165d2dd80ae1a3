import { clipped, MAX_QUOTE } from './clipping.ts';
import type { CommandOf, PeerId } from './commands.ts';
import { accept, type Decision, fact, NOTHING } from './decision.ts';
import type { Cancelling, Cause, Ending, EventData, ScheduleEvent, Standing } from './events.ts';
import { endingsThroughGroups } from './group-endings.ts';
import { isGivenUp, type Policy } from './policy.ts';
import { broOf, executionsOf, type ScheduleState, subscriptionsOf } from './schedule.ts';

/** Bros come, go, come back, and are forgotten. */

/** Zeek instances that are kept in mind behind one Bro; queries of others are served all the same. */
const MAX_ZEEK_INSTANCES = 1000;

/**
 * A connect opens the resync window in any case. Scripts repeat themselves to every host that announces itself,
 * and we announce ourselves at each connect, so what isn't repeated is no longer wanted: by a Bro that restarted
 * because it has lost its state, by one that merely reconnected because it unsubscribed while it couldn't reach
 * us. The difference: what the latter repeats goes on under its name and brings no row twice, what the former
 * repeats begins anew. One-time queries that were given up end now that the Bro can be told so.
 */
export function connectBro(state: ScheduleState, command: CommandOf<'ConnectBro'>, policy: Policy): Decision {
  const { peer, incarnation, transport } = command;
  const known = broOf(state, peer);
  const standing: Standing = !known ? 'new' : known.incarnation === incarnation ? 'reconnected' : 'restarted';
  const givenUp = executionsOf(state, peer).filter((execution) => isGivenUp(execution, policy));
  return accept([
    fact(command, 'BroConnected', { peer, incarnation, transport, standing }),
    ...givenUp.map(({ name }) => fact(command, 'ExecutionCancelled', { name, peer, reason: 'unanswered' })),
  ]);
}

/** The resync that was under way is off: nothing ends for not having been repeated until the Bro is back. */
export function loseBro(state: ScheduleState, command: CommandOf<'LoseBro'>): Decision {
  const { peer, reason } = command;
  if (!broOf(state, peer)?.connected) return NOTHING;
  return accept([fact(command, 'BroLost', { peer, reason: clipped(reason) })]);
}

/** The sweep after the mark: what wasn't repeated since the connect ends. */
export function completeResync(state: ScheduleState, command: CommandOf<'CompleteResync'>): Decision {
  const { peer } = command;
  const bro = broOf(state, peer);
  if (!bro?.resyncing) return NOTHING;
  const all = subscriptionsOf(state, peer);
  const unrepeated = all.filter((subscription) => !subscription.confirmed);
  const left = bro.groups.filter((membership) => !membership.confirmed).map(({ group }) => group);
  const throughGroups = endingsThroughGroups(state, peer, left).filter(
    ({ name }) => !unrepeated.some((subscription) => subscription.name === name),
  );
  const own = throughGroups.filter((subscription) => subscription.peer === peer).length;
  return accept([
    ...unrepeated.map(({ name }) =>
      fact(command, 'QueryUnsubscribed', { name, peer, reason: 'not-repeated' }),
    ),
    ...left.map((group) => fact(command, 'GroupLeft', { peer, group, reason: 'not-repeated' })),
    ...throughGroups.map((subscription) =>
      fact(command, 'QueryUnsubscribed', {
        name: subscription.name,
        peer: subscription.peer,
        reason: 'group-left',
      }),
    ),
    fact(command, 'ResyncCompleted', {
      peer,
      kept: all.length - unrepeated.length - own,
      ended: unrepeated.length + own,
    }),
  ]);
}

/** The caller keeps the time (see `expiresAt`); a Bro that is there does not expire. */
export function expireBro(state: ScheduleState, command: CommandOf<'ExpireBro'>): Decision {
  const { peer } = command;
  const bro = broOf(state, peer);
  if (!bro || bro.connected) return NOTHING;
  return accept([...forget(state, command, peer, 'expired'), fact(command, 'BroExpired', { peer })]);
}

/** Bros that reach us by themselves are in no configuration; only expiry ends what they asked for. */
export function configureBros(state: ScheduleState, command: CommandOf<'ConfigureBros'>): Decision {
  const peers = [...new Set(command.peers)];
  const now = new Set(peers);
  const before = new Set(state.configuredBros);
  if (now.size === before.size && peers.every((peer) => before.has(peer))) return NOTHING;
  const removed = state.configuredBros.filter((peer) => !now.has(peer) && broOf(state, peer));
  return accept([
    fact(command, 'BrosConfigured', { peers }),
    ...removed.flatMap((peer) => [
      ...forget(state, command, peer, 'bro-removed'),
      fact(command, 'BroRemoved', { peer }),
    ]),
  ]);
}

/** Its hello comes again and again; only the first is a fact. */
export function greetBro(state: ScheduleState, command: CommandOf<'GreetBro'>): Decision {
  const { peer, zeekInstance } = command;
  const bro = broOf(state, peer);
  if (!bro?.connected || bro.zeekInstances.some((one) => one.zeekInstance === zeekInstance)) return NOTHING;
  if (bro.zeekInstances.length >= MAX_ZEEK_INSTANCES || zeekInstance.length > MAX_QUOTE) return NOTHING;
  return accept([fact(command, 'ZeekGreeted', { peer, zeekInstance })]);
}

/** The queries of that Zeek instance go; those of others behind the same Bro stay. */
export function farewellBro(state: ScheduleState, command: CommandOf<'FarewellBro'>): Decision {
  const { peer, zeekInstance, reason } = command;
  const bro = broOf(state, peer);
  if (!bro || zeekInstance === '') return NOTHING;
  const subscribed = subscriptionsOf(state, peer).filter((one) => one.query.zeekInstance === zeekInstance);
  const executing = executionsOf(state, peer).filter((one) => one.query.zeekInstance === zeekInstance);
  const greeted = bro.zeekInstances.some((one) => one.zeekInstance === zeekInstance);
  if (!greeted && subscribed.length === 0 && executing.length === 0) return NOTHING;
  return accept([
    ...subscribed.map(({ name }) =>
      fact(command, 'QueryUnsubscribed', { name, peer, reason: 'zeek-departed' }),
    ),
    ...executing.map(({ name }) =>
      fact(command, 'ExecutionCancelled', { name, peer, reason: 'zeek-departed' }),
    ),
    fact(command, 'ZeekDeparted', { peer, zeekInstance, reason: clipped(reason) }),
  ]);
}

/** Everything that a Bro asked for ends, its memberships too. */
function forget(
  state: ScheduleState,
  command: { readonly at: number; readonly cause?: Cause | null },
  peer: PeerId,
  reason: Ending & Cancelling & EventData<'GroupLeft'>['reason'],
): ScheduleEvent[] {
  const groups = (broOf(state, peer)?.groups ?? []).map(({ group }) => group);
  const others = endingsThroughGroups(state, peer, groups).filter((one) => one.peer !== peer);
  return [
    ...subscriptionsOf(state, peer).map(({ name }) =>
      fact(command, 'QueryUnsubscribed', { name, peer, reason }),
    ),
    ...executionsOf(state, peer).map(({ name }) =>
      fact(command, 'ExecutionCancelled', { name, peer, reason }),
    ),
    ...groups.map((group) => fact(command, 'GroupLeft', { peer, group, reason })),
    ...others.map((one) =>
      fact(command, 'QueryUnsubscribed', { name: one.name, peer: one.peer, reason: 'group-left' }),
    ),
  ];
}
