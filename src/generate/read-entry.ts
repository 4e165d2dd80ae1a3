import { platformsOf, versionOf } from './conditions.ts';
import { flag, type Members, text, wholeNumber } from './loose-values.ts';
import type { Condition, PackQuery, Refused } from './model.ts';

/** osquery's longest interval, in seconds: a week. */
const LONGEST = 604_800;
const RESERVED = /^(query\.|cache\.|config_views\.)|(epoch|counter)$/;

export function conditionOf(members: Members): Condition {
  return {
    platforms: platformsOf(text(members['platform'])),
    version: versionOf(text(members['version'] ?? members['min_osquery_version'])),
    shard: wholeNumber(members['shard']) ?? 0,
  };
}

/** A query of a pack, or why osquery itself would not schedule it. */
export function readEntry(name: string, members: Members): PackQuery | Refused {
  const refuse = (reason: string): Refused => ({ name, reason });
  const sql = text(members['query']).trim();
  if (sql === '') return refuse('it has no SQL');
  if (RESERVED.test(name)) return refuse('osquery reserves names like this');
  const given = members['interval'];
  const interval = wholeNumber(given);
  // Fleet writes 0 where a query is there to be asked by hand.
  const isMissing = given === undefined || given === null || interval === 0;
  if (!isMissing && (interval === undefined || interval > LONGEST)) {
    return refuse(`its interval ${JSON.stringify(given)} is not a number of seconds up to ${LONGEST}`);
  }
  const condition = conditionOf(members);
  if (condition.platforms.length === 0) {
    return refuse(`its platform ${JSON.stringify(members['platform'])} is none of darwin, linux and windows`);
  }
  return {
    name,
    sql,
    interval: isMissing ? undefined : interval,
    updateType: updateTypeOf(members),
    condition,
    description: text(members['description']).trim(),
  };
}

/** osquery's words, and Fleet's `logging`. */
function updateTypeOf({ snapshot, removed, logging }: Members): PackQuery['updateType'] {
  if (flag(snapshot, logging === 'snapshot')) return 'SNAPSHOT';
  return flag(removed, logging !== 'differential_ignore_removals') ? 'BOTH' : 'ADD';
}

export function isRefused(entry: PackQuery | Refused): entry is Refused {
  return 'reason' in entry;
}
