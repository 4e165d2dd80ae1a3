import { lineage } from '../vocabulary/groups.ts';
import type { PeerId } from './commands.ts';
import { belongsTo } from './groups.ts';
import { type ScheduleState, type Subscription, subscriptions } from './schedule.ts';

/**
 * Which subscriptions end when a Bro has the host leave groups: those that came through these groups, or
 * through ones these are nested in, and by no other way. The Bro's own end with its own memberships, even while
 * another Bro keeps the host in the group; those of other Bros end only when nobody keeps the host there.
 * Groups that the host was never in by its own account (V5 addresses the platform's name as a group) are none
 * of these.
 */
export function endingsThroughGroups(
  state: ScheduleState,
  leaver: PeerId | null,
  left: readonly string[],
): Subscription[] {
  if (left.length === 0) return [];
  const gone = new Set(left);
  const affected = new Set(left.flatMap(lineage));
  const memberships = Object.values(state.bros).flatMap((bro) =>
    bro.groups
      .filter(({ group }) => !(bro.peer === leaver && gone.has(group)))
      .map(({ group }) => ({ peer: bro.peer, group })),
  );
  const configured =
    leaver === null ? state.configuredGroups.filter((group) => !gone.has(group)) : state.configuredGroups;
  const everybodys = [...configured, ...memberships.map(({ group }) => group)];
  const leavers = [
    ...configured,
    ...memberships.filter(({ peer }) => peer === leaver).map(({ group }) => group),
  ];
  return subscriptions(state).filter((subscription) => {
    const remaining = subscription.peer === leaver ? leavers : everybodys;
    return subscription.via.every(
      (audience) =>
        audience.to === 'group' && affected.has(audience.group) && !belongsTo(remaining, audience.group),
    );
  });
}
